# SPDX-License-Identifier: BSD-3-Clause
#
# edb_sanitize  what every translation unit of one build must agree on
# edb_flags     edb_sanitize, and how strict the compiler is with code of ours

include(CheckPIESupported)
check_pie_supported()

set(is_gcc "$<CXX_COMPILER_ID:GNU>")
set(is_clang "$<CXX_COMPILER_ID:Clang>")
set(is_release "$<CONFIG:Release>")

add_library(edb_sanitize INTERFACE)
if(EDB_SANITIZE)
  target_compile_options(edb_sanitize INTERFACE
    -fsanitize=${EDB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(edb_sanitize INTERFACE -fsanitize=${EDB_SANITIZE})
endif()
if(EDB_FUZZ)
  # Which way an input takes through all of our code is what a fuzzer learns from.
  target_compile_options(edb_sanitize INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(EDB_MOLD mold)
if(EDB_MOLD)
  target_link_options(edb_sanitize INTERFACE -fuse-ld=mold)
endif()

add_library(edb_flags INTERFACE)
target_link_libraries(edb_flags INTERFACE edb_sanitize)
target_compile_options(edb_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wsuggest-override -Wold-style-cast -Wcast-align -Wundef -Wextra-semi
  -Wimplicit-fallthrough -Wdouble-promotion
  $<${is_gcc}:-Wduplicated-cond> $<${is_gcc}:-Wlogical-op>
  $<${is_clang}:-Wthread-safety>
  # Designated initialisers leave the rest at its default on purpose.
  -Wno-missing-field-initializers)

# g++ 12 sees overlaps and overruns inside std::string and std::vector that are not there
# (GCC bugs 105329, 105651), and more so under sanitizers: those stay warnings.
target_compile_options(edb_flags INTERFACE
  $<${is_gcc}:-Wno-restrict>
  $<${is_gcc}:-Wno-error=array-bounds>
  $<${is_gcc}:-Wno-error=stringop-overflow>
  $<${is_gcc}:-Wno-error=stringop-overread>
  $<${is_gcc}:-Wno-error=maybe-uninitialized>)

if(EDB_WERROR)
  target_compile_options(edb_flags INTERFACE -Werror)
endif()

# The assertions of the standard library are cheap enough for every build.
target_compile_definitions(edb_flags INTERFACE _GLIBCXX_ASSERTIONS)

set(edb_hardening
  -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  list(APPEND edb_hardening -fcf-protection)
else()
  list(APPEND edb_hardening -mbranch-protection=standard)
endif()
target_compile_options(edb_flags INTERFACE "$<${is_release}:${edb_hardening}>")
target_link_options(edb_flags INTERFACE
  "$<${is_release}:-Wl,-z,relro;-Wl,-z,now;-Wl,-z,noexecstack>")
