#include "data/patterns/pattern_set.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/data/pattern_set_in_memory.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"

namespace bragg::tests {
namespace {

using data::PatternSet;
using data::PatternSetWriter;

const TwoThetaGrid grid{.start = 10, .step = 0.5, .points = 4};

TEST(PatternSet, RoundTrip) {
  const TemporaryFolder folder;
  PatternSetInMemory writer({.grid = grid, .wavelength = 1.79026});
  writer.metadata("recipe", "some");
  writer.add(std::vector<float>{0, 250, 1000, 125}, 225, 7, "salt");
  writer.add(std::vector<float>{0, 0, 0, 0}, 1, 7, "");
  writer.add(std::vector<float>{4, 2, 1, 0}, 230, -1, "garnet \xc3\xa9");
  writer.write(folder / "p.safetensors");

  const PatternSet set(folder / "p.safetensors");
  ASSERT_EQ(set.size(), 3);
  EXPECT_EQ(set.instrument(), (Instrument{.grid = grid, .wavelength = 1.79026}));
  EXPECT_TRUE(set.has_wavelength());
  EXPECT_TRUE(set.has_labels());
  EXPECT_EQ(set.pattern(0), (std::vector<float>{0, 0.25, 1, 0.125}));
  EXPECT_EQ(set.pattern(1), (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(set.pattern(2), (std::vector<float>{1, 0.5, 0.25, 0}));
  EXPECT_EQ(set.space_group(2), 230);
  EXPECT_EQ(set.group(1), 7);
  EXPECT_EQ(set.group(2), -1);
  EXPECT_EQ(set.name(0), "salt");
  EXPECT_EQ(set.name(1), "");
  EXPECT_EQ(set.name(2), "garnet \xc3\xa9");
  EXPECT_THROW(set.pattern(3), Error);
  EXPECT_THROW(set.space_group(-1), Error);
}

TEST(PatternSet, IsWrittenWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const auto message_of = [&](const std::vector<std::vector<float>>& patterns) -> std::string {
    PatternSetWriter writer({.grid = grid, .wavelength = 1.5});
    writer.add(1, 0, "one");
    writer.add(2, 0, "two");
    try {
      writer.write(folder / "p.safetensors", [&](const PatternSetWriter::Sink& sink) {
        for (const auto& pattern : patterns)
          sink(pattern);
      });
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::vector<float> good{0, 1, 2, 3};
  EXPECT_NE(message_of({good, {1, 2, 3, 4, 5}}).find("pattern 1 has 5 points on a grid of 4"),
            std::string::npos);
  EXPECT_NE(message_of({good, {0, 1, std::nanf(""), 3}}).find("pattern 1: value nan at point 2"),
            std::string::npos);
  EXPECT_NE(message_of({good}).find("takes 32 bytes, only 16 were given"), std::string::npos);
  EXPECT_NE(message_of({good, good, good}).find("takes 32 bytes, at least 48 were given"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_EQ(message_of({good, good}), "");
  EXPECT_EQ(PatternSet(folder / "p.safetensors").size(), 2);
}

/// A set of other origin: integers of other widths, no wavelength, no names.
struct Foreign {
  std::vector<std::uint16_t> patterns{0, 500, 1000, 3, 1000, 0, 0, 0};
  std::vector<std::uint8_t> space_group{14, 62};
  std::vector<std::uint16_t> group{3, 3};
  std::vector<std::int64_t> shape{2, 4};
  std::string start = "10.0", step = "0.5";
  bool with_labels = true;

  void write(const std::filesystem::path& path) const {
    SafetensorsWriter writer;
    writer.metadata("two_theta_start", start);
    writer.metadata("two_theta_step", step);
    writer.add("patterns", shape, std::span<const std::uint16_t>(patterns));
    if (with_labels) {
      writer.add("space_group", {static_cast<std::int64_t>(space_group.size())},
                 std::span<const std::uint8_t>(space_group));
      writer.add("group", {static_cast<std::int64_t>(group.size())}, std::span<const std::uint16_t>(group));
    }
    writer.write(path);
  }
};

TEST(PatternSet, ReadsSetsOfOtherOrigin) {
  const TemporaryFolder folder;
  Foreign foreign;
  foreign.write(folder / "p.safetensors");
  const PatternSet set(folder / "p.safetensors");
  EXPECT_FALSE(set.has_wavelength());
  EXPECT_EQ(set.instrument().wavelength, 1.54184);
  EXPECT_EQ(set.pattern(0), (std::vector<float>{0, 0.5, 1, 0.003f}));
  EXPECT_EQ(set.space_group(1), 62);
  EXPECT_EQ(set.group(1), 3);
  EXPECT_EQ(set.name(1), "");

  foreign.with_labels = false;
  foreign.write(folder / "q.safetensors");
  const PatternSet unlabelled(folder / "q.safetensors");
  EXPECT_FALSE(unlabelled.has_labels());
  EXPECT_THROW(unlabelled.space_group(0), Error);
  EXPECT_EQ(unlabelled.group(1), 1);
  EXPECT_NE(set.content_hash(), unlabelled.content_hash());
}

TEST(PatternSet, RefusesMalformedFiles) {
  const TemporaryFolder folder;
  const struct {
    const char* names;
    std::function<void(Foreign&)> spoil;
  } cases[] = {
      {"'space_group'", [](Foreign& f) { f.space_group[1] = 231; }},
      {"'space_group'", [](Foreign& f) { f.space_group[0] = 0; }},
      {"'space_group'", [](Foreign& f) { f.space_group.push_back(1); }},
      {"'group'", [](Foreign& f) { f.group.pop_back(); }},
      {"two_theta_start", [](Foreign& f) { f.start = "ten"; }},
      {"two_theta_step", [](Foreign& f) { f.step = "0"; }},
      {"two_theta_step", [](Foreign& f) { f.step = "nan"; }},
      {"degrees", [](Foreign& f) { f.step = "100"; }},
      {"rank 1", [](Foreign& f) { f.shape = {8}; }},
  };
  for (const auto& c : cases) {
    Foreign foreign;
    c.spoil(foreign);
    foreign.write(folder / "p.safetensors");
    try {
      const PatternSet set(folder / "p.safetensors");
      ADD_FAILURE() << "accepted, where " << c.names << " is wrong";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(c.names), std::string::npos) << error.what();
    }
  }
}

/// Two patterns of floats as another program may write them.
void write_floats(const std::filesystem::path& path, const std::vector<float>& patterns) {
  SafetensorsWriter writer;
  writer.metadata("two_theta_start", "10.0");
  writer.metadata("two_theta_step", "0.5");
  writer.add("patterns", {2, 4}, std::span<const float>(patterns));
  writer.write(path);
}

TEST(PatternSet, LooksAtItsValuesWhenItIsOpened) {
  const TemporaryFolder folder;
  const auto path = folder / "p.safetensors";
  const float inf = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), inf, -inf}) {
    write_floats(path, {0, 1, 2, 3, 0, 1, bad, 3});
    try {
      const PatternSet set(path);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(fmt::format("pattern 1: value {} at point 2", bad)),
                std::string::npos)
          << error.what();
    }
    const PatternSet set(path, data::ValueCheck::on_reading);
    EXPECT_EQ(set.pattern(0).back(), 1);
    EXPECT_THROW(set.pattern(1), Error);
  }
}

TEST(PatternSet, RefusesWhatOverflowsAgainstItsMaximum) {
  const TemporaryFolder folder;
  const auto path = folder / "p.safetensors";
  write_floats(path, {1e-40f, -1e30f, 0, 0, 1e-40f, 5e-41f, 0, 0});
  EXPECT_THROW(PatternSet{path}, Error);
  const PatternSet set(path, data::ValueCheck::on_reading);
  EXPECT_THROW(set.pattern(0), Error);
  EXPECT_NEAR(set.pattern(1)[1], 0.5, 1e-3);  // of a subnormal maximum
}

TEST(PatternSet, ReadsRruff) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "rruff_dev.safetensors");
  const PatternSet set(path);
  EXPECT_EQ(set.size(), 453);
  EXPECT_EQ(set.instrument().grid, (TwoThetaGrid{.start = 5, .step = 0.01, .points = 8500}));
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::vector<float> pattern = set.pattern(i);
    EXPECT_EQ(*std::max_element(pattern.begin(), pattern.end()), 1.0f);
    EXPECT_TRUE(set.space_group(i) >= 1 && set.space_group(i) <= 230);
  }
}

}  // namespace
}  // namespace bragg::tests
