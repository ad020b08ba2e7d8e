// Numbers that are the whole of a text, and what is none.
#include "kernels/base/parse_whole.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace bragg {
namespace {

TEST(ParseWhole, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_whole<int>("-12"), -12);
  EXPECT_EQ(parse_whole<double>("1.5e-3"), 1.5e-3);
  EXPECT_EQ(parse_whole<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* text : {"", " 1", "1 ", "1x", "+1", "1.5", "one", "0x10"})
    EXPECT_EQ(parse_whole<int>(text), std::nullopt) << text;
  for (const char* text : {"", "1,5", "1.5 A", "1e", "--1", "."})
    EXPECT_EQ(parse_whole<double>(text), std::nullopt) << text;
}

TEST(ParseWhole, TakesNothingThatDoesNotFit) {
  EXPECT_EQ(parse_whole<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_whole<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(parse_whole<double>("1e400"), std::nullopt);
  EXPECT_EQ(parse_whole<std::int64_t>("9223372036854775808"), std::nullopt);
}

TEST(ParseWhole, ReadsNoFurtherThanItsText) {
  const std::string_view both = "1234";
  EXPECT_EQ(parse_whole<int>(both.substr(0, 2)), 12);
}

}  // namespace
}  // namespace bragg
