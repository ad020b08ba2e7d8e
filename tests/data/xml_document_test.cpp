// XML of instruments: what texts and attributes may hold.
#include "data/formats/xml_document.h"

#include <gtest/gtest.h>

#include "data/formats/xrdml.h"
#include "kernels/base/error.h"
#include "tests/data/format_samples.h"

namespace bragg::data {
namespace {

TEST(XmlDocument, TextsHoldNoControlCharacters) {
  const XmlDocument document("<a name=\"x&#27;[2Jy\"> 1\n2&#7;3 \xC2\x9B \xC3\x85 &#127;</a>", "a.xml");
  EXPECT_EQ(attribute(document.root(), "name"), "x?[2Jy");
  EXPECT_EQ(text_of(document.root()), "1\n2?3 ?? \xC3\x85 ?");
  // None vanishes: digits on both sides of one would be another number.
  EXPECT_THROW(document.numbers(document.root()), Error);
}

TEST(XmlDocument, NoNoteOfAnXrdmlCommandsATerminal) {
  std::string text = XrdmlText{}.text();
  const std::string filter = "Beta-filter Nickel";
  text.replace(text.find(filter), filter.size(), "&#27;[2J&#x9b;2J");
  const Scan scan = xrdml_format().read({text, "a.xrdml"}).scans[0];
  EXPECT_EQ(scan.monochromator, "?[2J??2J");
}

}  // namespace
}  // namespace bragg::data
