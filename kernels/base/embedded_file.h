// Files that the program carries inside: cmake/embedded_file.cmake says which source carries which file.
#pragma once

#include <cstddef>

/// At namespace scope of one source: `name_begin` and `name_end` bound the bytes of the file `path`, a literal, at a multiple of
/// 16. The assembler copies them; their pages are read from the program's file when they are looked at.
// NOLINTBEGIN(bugprone-macro-parentheses): names that are declared
#define BRAGG_EMBED_FILE(name, path)                                                 \
  asm(".pushsection .rodata." #name                                                  \
      ", \"a\", @progbits\n"                                                         \
      ".balign 16\n" #name                                                           \
      "_begin:\n"                                                                    \
      ".incbin \"" path "\"\n" #name                                                 \
      "_end:\n"                                                                      \
      ".popsection\n");                                                              \
  extern "C" {                                                                       \
  [[gnu::visibility("hidden")]] extern const std::byte name##_begin[], name##_end[]; \
  }
// NOLINTEND(bugprone-macro-parentheses)
