#include "kernels/base/nearest_name.h"

#include <gtest/gtest.h>

namespace bragg {
namespace {

TEST(NearestName, FindsTheSmallestEdit) {
  const std::vector<std::string> names{"learning_rate", "steps", "strides", "seed", "CuKa", "CoKa"};
  EXPECT_EQ(nearest_name("learnign_rate", names), "learning_rate");
  EXPECT_EQ(nearest_name("step", names), "steps");
  EXPECT_EQ(nearest_name("stride", names), "strides");
  EXPECT_EQ(nearest_name("sede", names), "seed");
  EXPECT_EQ(nearest_name("CUKA", names), "CuKa");
  EXPECT_EQ(nearest_name("", names), "seed");
  EXPECT_EQ(nearest_name("x", {}), "");
}

TEST(NearName, IsASlipOfTheFingersAndNothingFurther) {
  const std::vector<std::string> names{"set1", "set2", "large", "realistic", "steps"};
  EXPECT_EQ(near_name("set8", names), "set1");
  EXPECT_EQ(near_name("realsitic", names), "realistic");
  EXPECT_EQ(near_name("LARGE", names), "large");
  for (const char* far : {"foo", "", "x", "salt.toml", "copper", "st", "relative"})
    EXPECT_EQ(near_name(far, names), "") << far;
  EXPECT_EQ(near_name("set1", {}), "");
}

TEST(NearName, SuggestionsListWhatThereIsWhereNothingIsNear) {
  const std::vector<std::string> names{"set1", "large"};
  EXPECT_EQ(suggestion("set8", names), "; the nearest is set1");
  EXPECT_EQ(suggestion("foo", names), "; there are set1, large");
  EXPECT_EQ(suggestion("foo", std::span(names).first(1)), "; there is set1");
  EXPECT_EQ(suggestion("foo", std::vector<std::string>(21, "set1")), "");
}

}  // namespace
}  // namespace bragg
