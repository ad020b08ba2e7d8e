#include "kernels/nearest_name.h"

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

}  // namespace
}  // namespace bragg
