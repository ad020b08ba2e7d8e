#include "data/patterns/nearest_neighbour.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/random.h"
#include "tests/support/compare.h"

namespace bragg::data {
namespace {

FeatureRows rows_of(const std::vector<std::vector<float>>& rows) {
  return {static_cast<std::int64_t>(rows.size()), [&rows](std::int64_t i, std::span<float> dst) {
            std::copy(rows[static_cast<std::size_t>(i)].begin(), rows[static_cast<std::size_t>(i)].end(),
                      dst.begin());
          }};
}

class NearestNeighbours : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Backend> backend_ =
      make_backend({.device = GetParam(), .threads = 2, .instruction_set = {}});
};
INSTANTIATE_TEST_SUITE_P(Backends, NearestNeighbours, ::testing::Values("reference", "cpu"));

TEST_P(NearestNeighbours, FindsTheLargestCosineTheFirstOfEquals) {
  const std::vector<std::vector<float>> queries = {{1, 0, 0}, {0, 0.6f, 0.8f}, {0, 0, 0}};
  const std::vector<std::vector<float>> references = {
      {0, 1, 0}, {0.8f, 0.6f, 0}, {0, 0.8f, 0.6f}, {0.8f, 0, 0.6f}};
  const auto found = nearest_neighbours(*backend_, rows_of(queries), rows_of(references), 3);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].row, 1);
  EXPECT_FLOAT_EQ(found[0].similarity, 0.8f);
  EXPECT_EQ(found[1].row, 2);
  EXPECT_NEAR(found[1].similarity, 0.96f, 1e-6f);
  EXPECT_EQ(found[2].row, 0);
  EXPECT_EQ(found[2].similarity, 0);
}

TEST_P(NearestNeighbours, LeavesOutWhatIsNotAllowed) {
  const std::vector<std::vector<float>> rows = {{1, 0}, {0.6f, 0.8f}, {0, 1}};
  const auto others =
      nearest_neighbours(*backend_, rows_of(rows), rows_of(rows), 2,
                         [](std::int64_t query, std::int64_t reference) { return query != reference; });
  EXPECT_EQ(others[0].row, 1);
  EXPECT_EQ(others[1].row, 2);
  EXPECT_EQ(others[2].row, 1);
  const auto none = nearest_neighbours(*backend_, rows_of(rows), rows_of(rows), 2,
                                       [](std::int64_t, std::int64_t) { return false; });
  EXPECT_EQ(none[0].row, -1);
  EXPECT_EQ(nearest_neighbours(*backend_, rows_of(rows), {}, 2)[0].row, -1);
  EXPECT_TRUE(nearest_neighbours(*backend_, {}, rows_of(rows), 2).empty());
}

TEST_P(NearestNeighbours, AgreesWithPlainLoopsOverSeveralBlocks) {
  constexpr std::int64_t points = 37, queries = 5, references = 1100;
  std::vector<std::vector<float>> q(queries), r(references);
  std::uint32_t call = 0;
  for (auto* set : {&q, &r}) {
    for (auto& row : *set) {
      std::vector<float> raw(points), features(points);
      for (float& value : raw)
        value = uniform01(random_call(20, RandomStream::test, call++, 0, 0)[0]);
      similarity_features(raw, features);
      row = features;
    }
  }
  r[1060] = q[3];
  const auto found = nearest_neighbours(*backend_, rows_of(q), rows_of(r), points);
  for (std::size_t i = 0; i < q.size(); ++i) {
    double best = -1;
    std::int64_t row = -1;
    for (std::size_t j = 0; j < r.size(); ++j) {
      double dot = 0;
      for (std::size_t k = 0; k < points; ++k)
        dot += static_cast<double>(q[i][k]) * r[j][k];
      if (dot > best) best = dot, row = static_cast<std::int64_t>(j);
    }
    EXPECT_EQ(found[i].row, row) << i;
    EXPECT_NEAR(found[i].similarity, best, points * 1.2e-7) << i;
  }
  EXPECT_EQ(found[3].row, 1060);
}

TEST(SimilarityFeatures, AreRootsAboveTheBackgroundOfLengthOne) {
  // 30th percentile of the ten points between the zeros: 2. Above it stand 9 - 2, 6 - 2 and 2.25 - 2.
  const std::vector<float> pattern = {0, 0, 2, 9, 2, 2, 1, 6, 1, 2, 2.25f, 2, 0};
  std::vector<float> got(pattern.size());
  similarity_features(pattern, got);
  const double length = std::sqrt(7 + 4 + 0.25);
  std::vector<double> expected(pattern.size()), values(got.begin(), got.end());
  expected[3] = std::sqrt(7) / length;
  expected[7] = 2 / length;
  expected[10] = 0.5 / length;
  EXPECT_TRUE(tests::within(values, expected, 1e-6));
}

TEST(SimilarityFeatures, OfNothingAreZero) {
  for (const float level : {0.0f, 5.0f, -1.0f}) {
    std::vector<float> got(20, 9.0f);
    similarity_features(std::vector<float>(20, level), got);
    EXPECT_EQ(std::count(got.begin(), got.end(), 0.0f), 20) << level;
  }
}

}  // namespace
}  // namespace bragg::data
