# What `cmake --install` copies: the program (component "program"), and the libraries with their headers, to be found by
# find_package(bragg) (component "development"). Installed headers include nothing but the standard library and each other.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Headers that stay here, files and folders: the backends' own, and those that show a library which is linked in privately.
# tests/house looks at all others.
string(JOIN "|" BRAGG_PRIVATE_HEADERS kernels/reference kernels/cpu kernels/cuda kernels/backend_of.h kernels/host_backend.h
  kernels/base/safetensors_header.h data/formats/xml_document.h
  data/formats/brml_route.h data/formats/xrdml_beam.h data/formats/xrdml_short_form.h)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/bragg)
foreach(library kernels xrd nn data)
  add_library(bragg::${library} ALIAS bragg_${library})
  set_target_properties(bragg_${library} PROPERTIES EXPORT_NAME ${library})
  target_compile_features(bragg_${library} PUBLIC cxx_std_20)
  install(TARGETS bragg_${library} EXPORT bragg ARCHIVE COMPONENT development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bragg)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${library} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bragg COMPONENT development
    FILES_MATCHING PATTERN "*.h" REGEX "/(${BRAGG_PRIVATE_HEADERS})$" EXCLUDE
    REGEX "/data/crystals/.*[.]cif$" EXCLUDE)
endforeach()

set(BRAGG_PACKAGE_NEEDS_CUDA OFF)
if(CMAKE_CUDA_COMPILER)
  set(BRAGG_PACKAGE_NEEDS_CUDA ON)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bragg-config.cmake.in ${PROJECT_BINARY_DIR}/bragg-config.cmake
  INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bragg-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bragg-config.cmake ${PROJECT_BINARY_DIR}/bragg-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/pugixml.cmake DESTINATION ${package} COMPONENT development)
install(EXPORT bragg NAMESPACE bragg:: FILE bragg-targets.cmake DESTINATION ${package} COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/THIRD_PARTY.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
