# SPDX-License-Identifier: BSD-3-Clause
#
# Everything that is not ours. scripts/setup has put it in place: nothing is downloaded here.
# Headers are SYSTEM, so our warnings do not reach them.

set(third_party "${PROJECT_SOURCE_DIR}/third_party")

# DuckDB: the C API of the prebuilt library.
add_library(edb_duckdb SHARED IMPORTED GLOBAL)
set_target_properties(edb_duckdb PROPERTIES
  IMPORTED_LOCATION "${third_party}/lib/libduckdb.so"
  IMPORTED_SONAME libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES "${third_party}/include")

# SQLite from its amalgamation: Debian's 3.40 lacks fixes we need (the WAL-reset fault).
add_library(edb_sqlite3 STATIC "${third_party}/sqlite/sqlite3.c")
target_compile_options(edb_sqlite3 PRIVATE -w ${edb_hardening})
target_compile_definitions(edb_sqlite3 PRIVATE
  SQLITE_THREADSAFE=1
  SQLITE_DQS=0
  SQLITE_ENABLE_COLUMN_METADATA
  SQLITE_ENABLE_FTS5
  SQLITE_ENABLE_MATH_FUNCTIONS
  SQLITE_OMIT_DEPRECATED
  SQLITE_USE_URI=1)
target_include_directories(edb_sqlite3 SYSTEM PUBLIC "${third_party}/sqlite")
find_package(Threads REQUIRED)
target_link_libraries(edb_sqlite3 PUBLIC Threads::Threads m ${CMAKE_DL_LIBS})

# sqlite-vec: a loadable extension that is linked instead. It has neither soname nor header; a user
# declares sqlite3_vec_init() and hands it to sqlite3_auto_extension().
add_library(edb_sqlite_vec INTERFACE)
target_link_directories(edb_sqlite_vec INTERFACE "${third_party}/lib")
target_link_libraries(edb_sqlite_vec INTERFACE edb_sqlite3 -l:vec0.so)

# MobileNetV2 of npm's nsfwjs, as scripts/make-picture-model writes it: always the same bytes.
set(EDB_MOBILENET_WEIGHTS "${third_party}/mobilenet/weights")
if(NOT EXISTS "${EDB_MOBILENET_WEIGHTS}")
  message(FATAL_ERROR "third_party/ is older than this source: run scripts/setup")
endif()
file(SHA256 "${EDB_MOBILENET_WEIGHTS}" sha256)
if(NOT sha256 STREQUAL "c4a813db4df8bb3dd8168f873b61dbcb2ca7a250dadf98570e4ad13d5b9ddfe8")
  message(FATAL_ERROR "third_party/mobilenet/weights is damaged: remove third_party/ and run "
    "scripts/setup")
endif()
install(FILES "${third_party}/mobilenet/LICENSE"
  DESTINATION "${CMAKE_INSTALL_DOCDIR}" RENAME LICENSE.nsfwjs)

include(cmake/usearch.cmake)

install(PROGRAMS "${third_party}/lib/libduckdb.so" "${third_party}/lib/vec0.so"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# gRPC's package file needs Protobuf's targets to exist already.
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GIF REQUIRED)
find_package(PNG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(cpp-httplib REQUIRED IMPORTED_TARGET GLOBAL cpp-httplib)
pkg_check_modules(gpgme REQUIRED IMPORTED_TARGET GLOBAL gpgme)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET GLOBAL libpq>=14)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET GLOBAL lmdb)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET GLOBAL simdjson)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET GLOBAL libturbojpeg)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET GLOBAL libutf8proc)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET GLOBAL libwebp libwebpdemux)
pkg_check_modules(webpmux REQUIRED IMPORTED_TARGET GLOBAL libwebpmux)  # for tests
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET GLOBAL libzstd)
