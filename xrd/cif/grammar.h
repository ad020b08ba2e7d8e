// The grammar of CIF 1.1 (gemmi's, on PEGTL) -> a plain table of tags and values with their lines. What they
// mean is not known here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/error.h"

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

/// Something odd that was read past: a sentence for a warning.
struct CifNote {
  int line = 0;
  std::string text;
  bool is_cut_off = false;  ///< a loop that ends within a row
};

struct CifBlock {
  std::string name;
  int line = 0;
  std::vector<CifItem> items;
  std::vector<CifLoop> loops;
  std::vector<CifNote> notes;
};

/// Tags are compared without regard to case; "." is as good as "_" (CIF core 2 and 3 names).
bool same_tag(std::string_view a, std::string_view b);

class CifGrammarError : public Error {
 public:
  CifGrammarError(std::string block_name, int line_number, const std::string& message, std::size_t at = 0,
                  bool too_large = false)
      : Error(message), block(std::move(block_name)), line(line_number), byte(at), is_too_large(too_large) {}
  std::string block;  ///< the last one that was opened
  int line;
  std::size_t byte;  ///< of the text, where it is wrong
  bool is_too_large;
};

/// Whether a crystal depends on the tag: cell, symmetry, atom sites. A fault of anything else loses no
/// crystal.
bool is_structural(std::string_view tag);

/// Tags and values that one block may have, together: what more need not be read to know that it is no
/// crystal.
inline constexpr std::size_t most_cif_values = 4'000'000;

/// All blocks of a text whose first line has the number `first_line`. Save frames are passed over. Read past,
/// with a note where it could matter: non-ASCII characters, text before the first block, blanks in a block's
/// name, and in tags that are not structural empty or truncated loops and values with blanks that lack their
/// quotes. Throws CifGrammarError, also for a tag without a value, for structural loops with values missing
/// and for more than most_cif_values.
std::vector<CifBlock> parse_blocks(std::string_view text, int first_line);

}  // namespace bragg::xrd
