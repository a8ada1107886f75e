# SPDX-License-Identifier: BSD-3-Clause
#
# edb_usearch: usearch's headers, and NumKong's distance kernels compiled for several instruction
# sets; the right ones are picked at run time. Built only when something links it.

set(numkong "${PROJECT_SOURCE_DIR}/third_party/usearch/numkong")

# The sets worth their compile time, and what each takes to compile. Without the header written
# here NumKong builds happily and then runs its serial code only, five to nine times slower.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  set(sets haswell skylake icelake genoa)
  set(haswell_flags -mavx2 -mfma -mf16c)
  set(skylake_flags -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  set(icelake_flags -mavx512vnni -mavx512vl)
  set(genoa_flags -mavx512bf16 -mavx512vl)
  set(prefix x86_)
else()
  set(sets neon neonhalf neonsdot neonbfdot)
  set(neon_flags -march=armv8-a+simd)
  set(neonhalf_flags -march=armv8.2-a+simd+fp16)
  set(neonsdot_flags -march=armv8.2-a+dotprod)
  set(neonbfdot_flags -march=armv8.6-a+simd+bf16)
  set(prefix arm_)
endif()

set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(probes "/* The instruction sets this compiler can produce. */\n")
foreach(name IN LISTS sets)
  string(TOUPPER ${name} upper)
  string(REGEX REPLACE "^neon(.+)$" "neon_\\1" file ${name})
  if(NOT DEFINED EDB_NUMKONG_${upper})
    try_compile(EDB_NUMKONG_${upper} "${CMAKE_BINARY_DIR}/probes/${name}"
      SOURCES "${numkong}/probes/${prefix}${file}.c"
      COMPILE_DEFINITIONS ${${name}_flags})
    message(STATUS "NumKong for ${name}: ${EDB_NUMKONG_${upper}}")
  endif()
  string(APPEND probes "#define NK_TARGET_${upper} $<BOOL:${EDB_NUMKONG_${upper}}>\n")
endforeach()
unset(CMAKE_TRY_COMPILE_TARGET_TYPE)
file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/gen/numkong/nk_probes.h" CONTENT "${probes}")

set(types bf16 bf16c e2m3 e3m2 e4m3 e5m2 f16 f16c f32 f32c f64 f64c i16 i32 i4 i64 i8 other
  u1 u16 u32 u4 u64 u8)
list(TRANSFORM types PREPEND "${numkong}/c/dispatch_" OUTPUT_VARIABLE sources)
list(TRANSFORM sources APPEND ".c")
list(APPEND sources "${numkong}/c/numkong.c" "${numkong}/c/parallel.c")
add_library(edb_usearch STATIC EXCLUDE_FROM_ALL ${sources})
set_target_properties(edb_usearch PROPERTIES C_STANDARD 11)
target_compile_options(edb_usearch PRIVATE -w -O3 -include nk_probes.h)
target_include_directories(edb_usearch PRIVATE "${CMAKE_BINARY_DIR}/gen/numkong")
target_include_directories(edb_usearch SYSTEM PUBLIC
  "${PROJECT_SOURCE_DIR}/third_party/usearch/include" "${numkong}/include")
target_compile_definitions(edb_usearch PUBLIC
  USEARCH_USE_NUMKONG=1 NK_DYNAMIC_DISPATCH=1 NK_NATIVE_F16=0 NK_NATIVE_BF16=0)
target_link_libraries(edb_usearch PUBLIC Threads::Threads m)
