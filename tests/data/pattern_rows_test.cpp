// Patterns in memory as a set, and the same on disk.
#include "data/patterns/pattern_rows.h"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "data/patterns/pattern_set.h"
#include "kernels/base/error.h"
#include "tests/support/temporary_folder.h"

namespace bragg::data {
namespace {

const Instrument instrument{.grid = {.start = 5, .step = 0.5, .points = 4}};

TEST(PatternRows, AreTheSetThatTheyAreWrittenAs) {
  PatternRows rows(instrument);
  rows.add("quartz", {0, 0.25, 1, 0.125}, 152, 0);
  rows.add("calcite, scan 2", {1, 0.5, 0, 0.75}, 167, 3);
  const bragg::tests::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "set.safetensors";
  rows.write(file);
  PatternSet made(rows, "table.csv");
  const PatternSet in_memory = std::move(made), on_disk(file);
  EXPECT_EQ(in_memory.path(), "table.csv");
  ASSERT_EQ(in_memory.size(), 2);
  ASSERT_EQ(on_disk.size(), 2);
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(in_memory.pattern(i), on_disk.pattern(i));
    EXPECT_EQ(in_memory.name(i), on_disk.name(i));
    EXPECT_EQ(in_memory.space_group(i), on_disk.space_group(i));
    EXPECT_EQ(in_memory.group(i), on_disk.group(i));
  }
  EXPECT_EQ(in_memory.pattern(1), (std::vector<float>{1, 0.5, 0, 0.75}));
  EXPECT_EQ(in_memory.instrument().wavelength, on_disk.instrument().wavelength);
  EXPECT_EQ(in_memory.instrument().grid.start, 5);
  EXPECT_TRUE(in_memory.has_wavelength() && in_memory.has_labels());
  EXPECT_THROW(in_memory.pattern(2), Error);
  EXPECT_THROW(in_memory.content_hash(), Error);
}

TEST(PatternRows, TakeWholePatternsAllLabelledOrNone) {
  PatternRows rows(instrument);
  EXPECT_THROW(rows.add("short", {1, 2}), Error);
  EXPECT_THROW(rows.add("odd", {1, NAN, 0, 0}, 1, 0), Error);
  EXPECT_EQ(rows.size(), 0);
  EXPECT_TRUE(rows.space_group().empty());
  rows.add("a", {1, 0, 0, 0});
  EXPECT_THROW(rows.add("b", {1, 0, 0, 0}, 1, 0), Error);
  EXPECT_FALSE(PatternSet(rows, "a").has_labels());
  PatternRows labelled(instrument);
  labelled.add("a", {1, 0, 0, 0}, 1, 0);
  EXPECT_THROW(labelled.add("b", {1, 0, 0, 0}), Error);
  EXPECT_EQ(labelled.size(), 1);
}

}  // namespace
}  // namespace bragg::data
