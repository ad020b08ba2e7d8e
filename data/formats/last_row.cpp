#include "data/formats/last_row.h"

#include <algorithm>

#include <fmt/format.h>

namespace bragg::data {

void LastRow::add(std::string_view field, char decimal_sign) {
  if (rows_ == 1) {
    shortest_ = last_length_;
    decimals_ = last_decimals_;
  } else if (rows_ > 1) {
    shortest_ = std::min(shortest_, last_length_);
    decimals_are_equal_ = decimals_are_equal_ && last_decimals_ == decimals_;
  }
  ++rows_;
  const std::size_t sign = field.find(decimal_sign);
  last_length_ = field.size();
  last_decimals_ = sign == std::string_view::npos ? 0 : field.size() - sign;
}

std::optional<std::string> LastRow::doubt() const {
  if (rows_ < 2) return std::nullopt;
  if (last_length_ < shortest_) {
    return fmt::format("the number at its end has {} characters, all others there have at least {}",
                       last_length_, shortest_);
  }
  if (decimals_are_equal_ && last_decimals_ < decimals_) {
    return fmt::format("the number at its end has {} decimals, all others there have {}",
                       last_decimals_ == 0 ? 0 : last_decimals_ - 1, decimals_ - 1);
  }
  return std::nullopt;
}

}  // namespace bragg::data
