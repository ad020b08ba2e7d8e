// The grammar of CIF 1.1 (gemmi's, on PEGTL) -> a plain table of tags and values with their lines. What they
// mean is not known here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/error.h"

namespace bragg::xrd {

/// A value without its quotes; a view into the file's text.
struct CifValue {
  std::string_view text;
  int line = 0;
  bool quoted = false;

  /// `?` or `.`: not known, or of no meaning here.
  bool is_null() const { return !quoted && (text == "?" || text == "."); }
};

struct CifItem {
  std::string_view tag;
  CifValue value;
};

struct CifLoop {
  int line = 0;
  std::vector<std::string_view> tags;
  std::vector<CifValue> values;  ///< row by row

  std::size_t rows() const { return tags.empty() ? 0 : values.size() / tags.size(); }
  const CifValue& at(std::size_t row, std::size_t column) const { return values[row * tags.size() + column]; }
};

struct CifBlock {
  std::string name;
  int line = 0;
  std::vector<CifItem> items;
  std::vector<CifLoop> loops;
};

/// Tags are compared without regard to case; "." is as good as "_" (CIF core 2 and 3 names).
bool same_tag(std::string_view a, std::string_view b);

class CifGrammarError : public Error {
 public:
  CifGrammarError(std::string block_name, int line_number, const std::string& message)
      : Error(message), block(std::move(block_name)), line(line_number) {}
  std::string block;  ///< the last one that was opened
  int line;
};

/// All blocks of a text whose first line has the number `first_line`. Save frames are passed over. Throws
/// CifGrammarError, also for a tag without a value and for loops with values missing.
std::vector<CifBlock> parse_blocks(std::string_view text, int first_line);

}  // namespace bragg::xrd
