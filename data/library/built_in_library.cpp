#include "data/library/built_in_library.h"

#include <cstddef>
#include <span>

#ifdef BRAGG_LIBRARY_FILE
// The assembler copies the file's bytes; the pages are read from the program's file when they are needed.
asm(".pushsection .rodata.bragg_library, \"a\", @progbits\n"
    ".balign 16\n"
    "bragg_library_begin:\n"
    ".incbin \"" BRAGG_LIBRARY_FILE
    "\"\n"
    "bragg_library_end:\n"
    ".popsection\n");
extern "C" {
[[gnu::visibility("hidden")]] extern const std::byte bragg_library_begin[], bragg_library_end[];
}
#endif

namespace bragg::data {

std::shared_ptr<const Library> built_in_library() {
#ifdef BRAGG_LIBRARY_FILE
  static const std::shared_ptr<const Library> library = std::make_shared<const Library>(
      std::span(bragg_library_begin, static_cast<std::size_t>(bragg_library_end - bragg_library_begin)),
      "built-in library");
  return library;
#else
  return nullptr;
#endif
}

}  // namespace bragg::data
