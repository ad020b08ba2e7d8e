# pugixml from its static library: its own CMake package would link the shared one into a program that should need none.
# Used where bragg is built, and installed beside bragg-config.cmake for those who link libbragg_data.
if(NOT TARGET bragg_pugixml)
  find_path(PUGIXML_INCLUDE_DIR pugixml.hpp REQUIRED)
  find_library(PUGIXML_LIBRARY libpugixml.a REQUIRED)
  add_library(bragg_pugixml STATIC IMPORTED GLOBAL)
  set_target_properties(bragg_pugixml PROPERTIES IMPORTED_LOCATION ${PUGIXML_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${PUGIXML_INCLUDE_DIR})
endif()
