# bragg_embed(SOURCE FILE): SOURCE, of this folder, carries FILE inside, whose path is BRAGG_EMBEDDED_FILE there
# (kernels/base/embedded_file.h), and is compiled again when FILE changes. BRAGG_EMBEDDED_NAME is the file's name without its ending.
function(bragg_embed source file)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "${source} is to carry ${file}, which is not there")
  endif()
  cmake_path(GET file STEM name)
  set_source_files_properties(${source} PROPERTIES
    COMPILE_DEFINITIONS "BRAGG_EMBEDDED_FILE=\"${file}\";BRAGG_EMBEDDED_NAME=\"${name}\"" OBJECT_DEPENDS ${file})
endfunction()
