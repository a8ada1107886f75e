# SPDX-License-Identifier: BSD-3-Clause
#
# The words our CMakeLists are written in: edb_library, edb_proto, edb_tool, edb_test, edb_bench.

# Includes are written from include/ ("embeddingsdb/record.h") or from src/ ("core/json.h").
function(edb_target_defaults target)
  target_include_directories(${target} PUBLIC
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PRIVATE edb_flags)
endfunction()

# edb_library(name SOURCES a.cc... [PUBLIC_DEPS t...] [DEPS t...] [PCH <header>...])
#   PUBLIC_DEPS  libraries that appear in the headers of this one
#   DEPS         libraries that only its .cc files use
#   PCH          headers to precompile: only for heavy ones, such as gRPC's, since ccache does not
#                share the objects that use them between clones
function(edb_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC_DEPS;DEPS;PCH")
  add_library(${name} STATIC ${arg_SOURCES})
  edb_target_defaults(${name})
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC_DEPS} PRIVATE ${arg_DEPS})
  if(arg_PCH)
    target_precompile_headers(${name} PRIVATE ${arg_PCH})
    # ccache can cache users of a precompiled header only if it sees which one it is.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  endif()
endfunction()

# edb_proto(name ROOT dir FILES a/b.proto...)
# Messages and gRPC services of protocol files, named by their path under ROOT, which is also the
# path of their headers: "a/b.grpc.pb.h". Generated code is compiled without our warnings.
function(edb_proto name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ROOT" "FILES")
  set(out "${CMAKE_BINARY_DIR}/gen/${name}")
  file(MAKE_DIRECTORY "${out}")
  set(sources)
  foreach(proto IN LISTS arg_FILES)
    string(REGEX REPLACE "[.]proto$" "" stem "${out}/${proto}")
    add_custom_command(
      OUTPUT ${stem}.pb.cc ${stem}.pb.h ${stem}.grpc.pb.cc ${stem}.grpc.pb.h
      COMMAND protobuf::protoc -I "${arg_ROOT}" "--cpp_out=${out}" "--grpc_out=${out}"
        "--plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>" "${proto}"
      DEPENDS "${arg_ROOT}/${proto}"
      COMMENT "Generating ${proto}"
      VERBATIM)
    list(APPEND sources ${stem}.pb.cc ${stem}.grpc.pb.cc)
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC "${out}")
  target_compile_options(${name} PRIVATE -w)
  target_link_libraries(${name} PUBLIC gRPC::grpc++ protobuf::libprotobuf PRIVATE edb_sanitize)
endfunction()

# edb_tool(name SOURCES a.cc... [DEPS t...]): an executable that is installed in bin/.
function(edb_tool name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  edb_target_defaults(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()

# Prebuilt libraries (DuckDB, gRPC) are not instrumented, so the thread sanitizer must not judge
# what happens inside them. DuckDB holds more than the 64 locks the deadlock detector can count.
if(EDB_SANITIZE STREQUAL "thread")
  set(options "ignore_noninstrumented_modules=1:halt_on_error=1:detect_deadlocks=0")
  find_program(EDB_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer)
  if(EDB_SYMBOLIZER)
    string(APPEND options ":external_symbolizer_path=${EDB_SYMBOLIZER}")
  endif()
  set(edb_test_environment "TSAN_OPTIONS=${options}")
elseif(EDB_SANITIZE)
  set(edb_test_environment
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "UBSAN_OPTIONS=print_stacktrace=1")
endif()

# edb_test_properties(name [LABELS l...] [TIMEOUT seconds] [ENVIRONMENT K=V...])
# For a test that is not made by edb_test, such as a script.
function(edb_test_properties name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABELS;ENVIRONMENT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
    ENVIRONMENT "${edb_test_environment};${arg_ENVIRONMENT}")
endfunction()

# edb_test(name SOURCES a.cc... [DEPS t...] [LABELS l...] [TIMEOUT seconds] [ENVIRONMENT K=V...])
# A GoogleTest executable and one ctest of the same name. gtest_main is linked; a main() in SOURCES
# takes its place.
function(edb_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;DEPS;LABELS;ENVIRONMENT")
  find_package(GTest REQUIRED)
  add_executable(${name} ${arg_SOURCES})
  edb_target_defaults(${name})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  edb_test_properties(${name} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT ${arg_ENVIRONMENT})
endfunction()

# edb_bench(name SOURCES a.cc... [DEPS t...]): a Google Benchmark executable, run by `make bench`.
function(edb_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  edb_target_defaults(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} benchmark::benchmark_main)
  add_test(NAME ${name} CONFIGURATIONS bench COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS bench RUN_SERIAL ON)
  if(NOT TARGET edb_benchmarks)
    add_custom_target(edb_benchmarks)
  endif()
  add_dependencies(edb_benchmarks ${name})
endfunction()
