// Whether a text in columns ends within a number. Part of pattern_text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bragg::data {

/// Compares the last row of a text whose last line has no end with the rows before it. Many programs leave that end out, so
/// that alone says nothing: only a number at the end of the row that is shorter than in every other row does, or one with
/// fewer decimals where all others have the same. A part that ends between rows, or within a number that is as long as
/// another, can't be told from a whole text.
class LastRow {
 public:
  /// The number that the next row ends with.
  void add(std::string_view field, char decimal_sign);
  /// Why the last row looks cut off.
  std::optional<std::string> doubt() const;

 private:
  std::size_t rows_ = 0;
  std::size_t shortest_ = 0, decimals_ = 0;  ///< of the rows before the last one
  bool decimals_are_equal_ = true;
  std::size_t last_length_ = 0, last_decimals_ = 0;
};

}  // namespace bragg::data
