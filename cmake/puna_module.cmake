# One function per kind of thing this project builds, so that a module's CMakeLists.txt only lists files.

option(PUNA_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
# Takes a third off a build from nothing. tools/tidy.py finds files that use such a header without including it.
option(PUNA_PRECOMPILE "Precompile the headers that most files include" OFF)
# Takes two fifths off the rest, for builds that are made once for their tests. Whether each file of the product includes
# what it uses of this project, and keeps its names apart, is shown by the release build, which joins tests only.
set(PUNA_UNITY OFF CACHE STRING "Compile several sources as one (tools/unity_groups.py): OFF, TESTS or ON")
set(PUNA_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

add_library(puna_options INTERFACE)
target_compile_features(puna_options INTERFACE cxx_std_20)
target_include_directories(puna_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# -ffp-contract=off: a*b+c is fused only where a kernel says so, or bits would differ between compilers.
target_compile_options(puna_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -ffp-contract=off
  # g++ 12 sees uninitialised members in the destructor of a std::variant that holds another type.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
# Both warnings take a neighbour's names, and a source that is included, for a header's.
target_compile_options(puna_options INTERFACE $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-shadow
  $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>>)
if(PUNA_PRECOMPILE AND BUILD_TESTING)  # GoogleTest's own definition: all users of a precompiled header need the same
  target_compile_definitions(puna_options INTERFACE GTEST_HAS_PTHREAD=1)
endif()
if(PUNA_SANITIZE)
  # vptr and object-size find what the address sanitizer finds too, and cost a fifth of the build.
  target_compile_options(puna_options INTERFACE -fsanitize=${PUNA_SANITIZE}
    -fno-sanitize=vptr,object-size -fno-sanitize-recover=all)
  target_link_options(puna_options INTERFACE -fsanitize=${PUNA_SANITIZE})
endif()
if(PUNA_FUZZ)
  target_compile_options(puna_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# One precompiled header for all targets with the same flags. Sources with flags of their own (set
# before this is called) and targets with definitions of their own (NO_PRECOMPILE) go without.
function(puna_precompile target)
  if(NOT PUNA_PRECOMPILE)
    return()
  endif()
  if(NOT TARGET puna_precompiled)
    file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cc "")
    add_library(puna_precompiled STATIC ${PROJECT_BINARY_DIR}/precompiled.cc)
    target_link_libraries(puna_precompiled PUBLIC puna_options fmt::fmt Threads::Threads)
    target_precompile_headers(puna_precompiled PRIVATE <algorithm> <filesystem> <functional> <memory>
      <string> <vector> <fmt/format.h> <nlohmann/json.hpp>)
    if(BUILD_TESTING)
      target_link_libraries(puna_precompiled PUBLIC GTest::gmock GTest::gtest)
      target_precompile_headers(puna_precompiled PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM puna_precompiled)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_source_file_property(flags ${source} COMPILE_OPTIONS)
    if(flags)
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# Sources that share no names of their own are compiled as one; those with flags of their own stay alone.
function(puna_unity target)
  if(NOT PUNA_UNITY OR (PUNA_UNITY STREQUAL "TESTS" AND NOT target MATCHES "_test$"))
    return()
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(joined)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_source_file_property(flags ${source} COMPILE_OPTIONS)
    get_source_file_property(definitions ${source} COMPILE_DEFINITIONS)
    if(NOT flags AND NOT definitions AND source MATCHES "\\.cc$")
      list(APPEND joined ${source})
    endif()
  endforeach()
  execute_process(
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/unity_groups.py ${joined}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE groups OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  foreach(source group IN ZIP_LISTS joined groups)
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${target}_${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# TEMPLATES of a module: most of its compile time goes to headers of libraries that it has for itself, so nothing is
# precompiled for it; under a sanitizer, where optimising them costs a third of the build, it goes without.
function(puna_templates target)
  if(PUNA_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# puna_module(NAME [NO_PRECOMPILE|TEMPLATES] SOURCES … [DEPENDS modules…] [LIBS libraries…]
#             [TESTS …_test.cc [TEST_LIBS libraries…]] [FUZZ …_fuzz.cc])
# DEPENDS repeats the arrows of src/layers.txt as link dependencies. All tests of a module are one program.
function(puna_module name)
  cmake_parse_arguments(M "NO_PRECOMPILE;TEMPLATES" "" "SOURCES;DEPENDS;LIBS;TESTS;TEST_LIBS;FUZZ" ${ARGN})
  string(REPLACE "/" "_" target ${name})
  list(TRANSFORM M_DEPENDS PREPEND puna_)
  list(TRANSFORM M_DEPENDS REPLACE "/" "_")
  if(M_SOURCES)
    add_library(puna_${target} STATIC ${M_SOURCES})
    target_link_libraries(puna_${target} PUBLIC puna_options ${M_DEPENDS} PRIVATE ${M_LIBS})
    if(M_TEMPLATES)
      puna_templates(puna_${target})
    elseif(NOT M_NO_PRECOMPILE)
      puna_precompile(puna_${target})
    endif()
    puna_unity(puna_${target})
  else()
    add_library(puna_${target} INTERFACE)
    target_link_libraries(puna_${target} INTERFACE puna_options ${M_DEPENDS} ${M_LIBS})
  endif()
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(M_TESTS)
    set(kind)
    if(M_TEMPLATES)
      set(kind TEMPLATES)
    elseif(M_NO_PRECOMPILE)
      set(kind NO_PRECOMPILE)
    endif()
    puna_test(${target}_test ${kind} SOURCES ${M_TESTS} LIBS puna_${target} ${M_TEST_LIBS})
  endif()
  foreach(source ${M_FUZZ})
    puna_fuzz(${source} puna_${target})
  endforeach()
endfunction()

# A GoogleTest program, run from the source tree so that tests find tests/ and build/ by relative path.
function(puna_test name)
  cmake_parse_arguments(T "NO_PRECOMPILE;TEMPLATES" "" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBS} GTest::gmock GTest::gtest_main)
  if(T_TEMPLATES)
    puna_templates(${name})
  elseif(NOT T_NO_PRECOMPILE)
    puna_precompile(${name})
  endif()
  puna_unity(${name})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT T_LABELS)
    set(T_LABELS unit)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}")
endfunction()

# x_fuzz.cc defines LLVMFuzzerTestOneInput. Every build replays tests/corpus/x; PUNA_FUZZ also explores.
function(puna_fuzz source library)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" subject ${name})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/corpus/${subject})
  if(PUNA_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} ${PROJECT_SOURCE_DIR}/tests/replay_main.cc)
    add_test(NAME ${name}_replay COMMAND ${name} ${corpus})
    set_tests_properties(${name}_replay PROPERTIES LABELS unit)
  endif()
  target_link_libraries(${name} PRIVATE ${library})
endfunction()
