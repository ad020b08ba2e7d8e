# Installs into an empty folder, builds consumer/ against it, runs that, and holds its output against what halite and the
# paper say. Called by ctest with the variables that tests/install/CMakeLists.txt names.
file(REMOVE_RECURSE ${FOLDER})
set(prefix ${FOLDER}/prefix)

function(checked what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${what} ended with ${status}:\n${text}")
  endif()
  set(output "${text}" PARENT_SCOPE)
endfunction()

checked(install ${CMAKE_COMMAND} --install ${BRAGG_BUILD_DIR} --prefix ${prefix})
foreach(absent include/bragg/kernels/cpu include/bragg/kernels/cuda include/bragg/data/crystals/halite.cif
    include/bragg/apps)
  if(EXISTS ${prefix}/${absent})
    message(FATAL_ERROR "installed, but nobody's business: ${absent}")
  endif()
endforeach()

# The standard library's headers have neither a point nor a folder.
file(GLOB_RECURSE headers ${prefix}/include/bragg/*.h)
foreach(header ${headers})
  file(STRINGS ${header} foreign REGEX "^ *# *include *<[^>]*[./]")
  if(foreign)
    message(FATAL_ERROR "${header} needs more than the standard library: ${foreign}")
  endif()
endforeach()

set(cuda)
if(CUDA)
  set(cuda -D CUDAToolkit_ROOT=${CUDA_ROOT})
endif()
checked(configure ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${FOLDER}/build -G ${GENERATOR}
  -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_BUILD_TYPE=Debug -D WANTED=${BRAGG_VERSION} ${cuda})
checked(build ${CMAKE_COMMAND} --build ${FOLDER}/build)
checked(consumer ${FOLDER}/build/consumer ${BRAGG_SOURCE_DIR}/data/crystals/halite.cif)
message("${output}")

# NaCl, a = 5.64 A, CuKa: (111), (200), (220) at 27.4, 31.7 and 45.4 degrees; the paper's NPCNN; a crystal on one side.
foreach(line "^Cl4 Na4 225\n" "\n1 1 1  8  27[.]3" "\n2 0 0  6  31[.]7" "\n2 2 0  12  45[.]4" "\nnpcnn 31369420 parameters\n"
    "\nheld out: (yes|no)\n")
  if(NOT output MATCHES "${line}")
    message(FATAL_ERROR "no line ${line} in:\n${output}")
  endif()
endforeach()

# Another minor version is another interface.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${FOLDER}/other -G ${GENERATOR}
  -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${CXX} -D WANTED=0.999 ${cuda}
  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(status EQUAL 0 OR NOT text MATCHES "considered but not accepted")
  message(FATAL_ERROR "version 0.999 was found, or the reason is another:\n${text}")
endif()
file(REMOVE_RECURSE ${FOLDER})
