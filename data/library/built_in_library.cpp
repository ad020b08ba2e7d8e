#include "data/library/built_in_library.h"

#include <span>

#include "kernels/base/embedded_file.h"

#ifdef BRAGG_EMBEDDED_FILE
BRAGG_EMBED_FILE(bragg_library, BRAGG_EMBEDDED_FILE)
#endif

namespace bragg::data {

std::shared_ptr<const Library> built_in_library() {
#ifdef BRAGG_EMBEDDED_FILE
  static const std::shared_ptr<const Library> library =
      std::make_shared<const Library>(std::span(bragg_library_begin, bragg_library_end), "built-in library");
  return library;
#else
  return nullptr;
#endif
}

}  // namespace bragg::data
