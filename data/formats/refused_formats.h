// Files that people hand over as measurements and that are none, or none that is read: named, with what to do instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bragg::data {

struct RefusedFormat {
  std::string name;    ///< "a PNG image"
  std::string advice;  ///< "export the scan itself, not its picture: as text (.xy)"
  /// "a PNG image, no measured pattern; ..."
  std::string reason() const;
};

/// By content alone, at most some KiB of it; an archive also by the names in it.
std::optional<RefusedFormat> refused_by_content(std::string_view bytes);
/// What files of this extension (".rd", in lower case) are, for contents that say nothing.
std::optional<RefusedFormat> refused_by_extension(std::string_view extension);

}  // namespace bragg::data
