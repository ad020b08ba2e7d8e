#include "kernels/base/utf8.h"

#include <gtest/gtest.h>

namespace bragg {
namespace {

TEST(Utf8, KnowsWhatItIs) {
  for (const char* text :
       {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(as_utf8(text), text);
  }
  // Latin-1, a lone continuation, cut off, overlong, a surrogate, beyond U+10FFFF.
  for (const char* text :
       {"\xe4", "\x80", "a\xc3", "\xe2\x82", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    EXPECT_FALSE(is_utf8(text)) << as_utf8(text);
}

TEST(Utf8, ShowsForeignBytes) {
  EXPECT_EQ(as_utf8("m\xfcller/\xc3\xa4"), "m\\xfcller/\xc3\xa4");
  EXPECT_EQ(as_utf8("\xe2\x82"), "\\xe2\\x82");
  EXPECT_TRUE(is_utf8(as_utf8("\xff\xfe\x80")));
}

TEST(Utf8, PrintableIsOneLineThatATerminalTakesAsText) {
  EXPECT_EQ(printable("\x1b[31mred\nline\x7f\xff\xc3\xa4"), "\\x1b[31mred\\x0aline\\x7f\\xff\xc3\xa4");
  EXPECT_EQ(printable("\xc2\x9b\xc2\xa0"), "\\xc2\\x9b\xc2\xa0");  // a control character of two bytes
  EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace bragg
