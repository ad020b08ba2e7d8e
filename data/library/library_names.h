// Structures of a library by their names.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/library/library.h"

namespace bragg::data {

/// Of a library, which it reads once and does not keep.
class LibraryNames {
 public:
  explicit LibraryNames(const Library&);

  /// The structures whose name has all words of `name` (mineral_words: letter case, signs and what names a
  /// polymorph count nothing; "hornblende" is in "Hornblende Magnesium Iron"), whose title, formula or
  /// entry it is but for letter case; of a formula as chemists write it ("La(OH)3") those that have it alone; in the
  /// library's order.
  std::vector<std::int64_t> find(const std::string& name) const;
  /// All names, as they are written; an entry without one has none.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::unordered_map<std::string, std::vector<std::int64_t>> by_text_, by_word_;
  std::vector<std::string> names_;
};

}  // namespace bragg::data
