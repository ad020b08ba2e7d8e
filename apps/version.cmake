# Run at every build: writes version.cpp, and touches it only when the commit has changed.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${SOURCE_DIR}
  OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE FAILED)
if(FAILED OR NOT COMMIT)
  set(COMMIT unknown)
else()
  execute_process(COMMAND git diff --quiet HEAD WORKING_DIRECTORY ${SOURCE_DIR} ERROR_QUIET RESULT_VARIABLE CHANGED)
  if(CHANGED)
    string(APPEND COMMIT "+changes")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "apps/version.h"

namespace bragg::apps {

std::string_view version() { return "@VERSION@"; }
std::string_view commit() { return "@COMMIT@"; }

}  // namespace bragg::apps
]])
