// Patterns looked up in a library: every backend against the reference, odd shapes first.
#include "kernels/ops/match_views.h"

#include <algorithm>
#include <limits>

#include "kernels/base/bfloat16.h"
#include "tests/kernels/view_ops.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class MatchViewsOp : public ViewOps {};
INSTANTIATE_TEST_SUITE_P(Devices, MatchViewsOp, ::testing::ValuesIn(devices_under_test()),
                         [](const auto& device) { return name_of(device.param); });

struct MatchCase {
  MatchViewsProblem problem;
  bool weighted = false, listed = false;
};

struct Matches {
  std::vector<std::int32_t> row, scale;
  std::vector<float> similarity;
};

/// What an op of a case reads.
struct MatchInput {
  std::vector<BFloat16> patterns, library;
  std::vector<float> weight;
  std::vector<std::int32_t> rows;
};

Matches run(Backend& backend, const MatchViewsProblem& p, const MatchInput& input) {
  const Buffer patterns = uploaded(backend, input.patterns), library = uploaded(backend, input.library),
               weight = uploaded(backend, input.weight), rows = uploaded(backend, input.rows);
  const std::int64_t count = p.N * p.top;
  // What is in the results before is not to be seen behind.
  const Buffer row = uploaded(backend, std::vector<std::int32_t>(static_cast<std::size_t>(count), 77)),
               scale = uploaded(backend, std::vector<std::int32_t>(static_cast<std::size_t>(count), 77)),
               similarity = uploaded(backend, std::vector<double>(static_cast<std::size_t>(count), 77));
  const MatchViews op{.problem = p,
                      .patterns = {patterns.data(), DType::bf16},
                      .library = {library.data(), DType::bf16},
                      .weight = {input.weight.empty() ? nullptr : weight.data(), DType::f32},
                      .rows = {input.rows.empty() ? nullptr : rows.data(), DType::i32},
                      .row = {row.data(), DType::i32},
                      .scale = {scale.data(), DType::i32},
                      .similarity = {similarity.data(), backend.precise_type()}};
  backend.reserve_workspace(backend.workspace_bytes(op));
  backend.run(op);
  return {downloaded<std::int32_t>(backend, row, count), downloaded<std::int32_t>(backend, scale, count),
          numbers_of(backend, similarity, backend.precise_type(), count)};
}

/// Integers below 4 in magnitude: products are exact, and many are equal.
MatchInput integers(const MatchCase& one) {
  const MatchViewsProblem& p = one.problem;
  const auto fill = [](std::uint32_t seed, std::int64_t count) {
    std::vector<BFloat16> numbers(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      numbers[static_cast<std::size_t>(i)] =
          to_bfloat16(static_cast<float>(static_cast<std::int32_t>(word(seed, i) % 7) - 3));
    return numbers;
  };
  MatchInput input{fill(1, p.N * p.S * p.K), fill(2, p.library_rows * p.K), {}, {}};
  for (std::int64_t i = 0; one.weighted && i < p.library_rows; ++i)
    input.weight.push_back(static_cast<float>(word(3, i) % 4) / 4);
  for (std::int64_t i = 0; one.listed && i < p.M; ++i)
    input.rows.push_back(static_cast<std::int32_t>(word(4, i) % p.library_rows));
  return input;
}

std::vector<MatchCase> match_cases() {
  std::vector<MatchCase> cases{
      {{.N = 1, .S = 1, .K = 1, .library_rows = 1, .M = 1, .top = 1}},
      {{.N = 1, .S = 1, .K = 8, .library_rows = 0, .M = 0, .top = 3}},
      {{.N = 2, .S = 3, .K = 7, .library_rows = 5, .M = 5, .top = 9}},
      {{.N = 3, .S = 7, .K = 33, .library_rows = 131, .M = 131, .top = 5}, true},
      {{.N = 8, .S = 9, .K = 40, .library_rows = 300, .M = 300, .top = 17}},
      {{.N = 2, .S = 32, .K = 24, .library_rows = 70, .M = 70, .top = 64}, true},
      {{.N = 1, .S = 13, .K = 9, .library_rows = 130, .M = 130, .top = 130}},
      {{.N = 2, .S = 5, .K = 16, .library_rows = 90, .M = 61, .top = 12}, true, true},
      {{.N = 3, .S = 4, .K = 65, .library_rows = 3 * 37, .M = 37, .top = 10, .own_rows = true}, true},
      {{.N = 2, .S = 9, .K = 48, .library_rows = 2 * 150, .M = 150, .top = 150, .own_rows = true}},
  };
  if (!is_emulated())
    cases.push_back({{.N = 40, .S = 9, .K = 224, .library_rows = 5000, .M = 5000, .top = 300}, true});
  return cases;
}

TEST_P(MatchViewsOp, MatchesAreTheReferencesOnIntegers) {
  for (const MatchCase& one : match_cases()) {
    SCOPED_TRACE(one.problem.text());
    const MatchInput input = integers(one);
    const Matches got = run(*backend, one.problem, input), expected = run(*reference, one.problem, input);
    EXPECT_EQ(got.row, expected.row);
    EXPECT_EQ(got.scale, expected.scale);
    EXPECT_EQ(got.similarity, expected.similarity);
  }
}

/// A library whose rows get better and better, so that every row is among the best when it comes.
TEST_P(MatchViewsOp, RowsThatGetBetterAllTheTime) {
  const std::int64_t M = 700;
  MatchInput input{{to_bfloat16(1), to_bfloat16(0)}, {}, {}, {}};
  for (std::int64_t m = 0; m < M; ++m) {
    input.library.push_back(to_bfloat16(1 + static_cast<float>(m / 128)));  // eight bits hold so many
    input.library.push_back(to_bfloat16(5));
  }
  const MatchViewsProblem p{.N = 1, .S = 1, .K = 2, .library_rows = M, .M = M, .top = 200};
  const Matches got = run(*backend, p, input);
  std::vector<std::int32_t> expected;
  for (std::int64_t m = 640; m < M; ++m)
    expected.push_back(static_cast<std::int32_t>(m));
  for (std::int64_t m = 512; m < 640; ++m)
    expected.push_back(static_cast<std::int32_t>(m));
  for (std::int64_t m = 384; m < 396; ++m)
    expected.push_back(static_cast<std::int32_t>(m));
  EXPECT_EQ(got.row, expected);
}

MatchInput uniforms(const MatchViewsProblem& p) {
  const auto fill = [](std::uint32_t seed, std::int64_t count) {
    std::vector<BFloat16> numbers(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      numbers[static_cast<std::size_t>(i)] = to_bfloat16(static_cast<float>(uniform01(word(seed, i))));
    return numbers;
  };
  return {fill(5, p.N * p.S * p.K), fill(6, p.library_rows * p.K), {}, {}};
}

TEST_P(MatchViewsOp, SimilaritiesAreWithinTheRoundingOfTheirSums) {
  const MatchViewsProblem p{.N = 2, .S = 3, .K = 301, .library_rows = 45, .M = 45, .top = 45};
  const MatchInput input = uniforms(p);
  const Matches got = run(*backend, p, input), expected = run(*reference, p, input);
  // By row, as the order of near ones may differ. Terms are positive: a sum of K of them is off by K eps of it.
  const auto by_row = [&](const Matches& matches) {
    std::vector<double> sums(static_cast<std::size_t>(p.N * p.M));
    for (std::int64_t i = 0; i < p.N * p.top; ++i)
      sums[static_cast<std::size_t>(i / p.top * p.M + matches.row[static_cast<std::size_t>(i)])] =
          matches.similarity[static_cast<std::size_t>(i)];
    return sums;
  };
  const std::vector<double> sums = by_row(expected);
  std::vector<double> bounds;
  for (const double sum : sums)
    bounds.push_back(0x1p-23 * static_cast<double>(p.K) * sum);
  EXPECT_TRUE(within(by_row(got), sums, bounds));
  EXPECT_TRUE(std::is_sorted(got.similarity.rbegin(), got.similarity.rbegin() + p.top));
}

TEST_P(MatchViewsOp, TheSameBitsForAnyBatchAndNumberOfThreads) {
  const MatchViewsProblem p{.N = 9, .S = 7, .K = 50, .library_rows = 400, .M = 400, .top = 20};
  const MatchInput input = uniforms(p);
  const Matches all = run(*backend, p, input);
  DeviceOptions more = GetParam();
  more.threads = 5;
  const Matches other = run(*make_backend(more), p, input);
  EXPECT_EQ(other.row, all.row);
  EXPECT_EQ(other.similarity, all.similarity);
  MatchViewsProblem one = p;
  one.N = 1;
  for (const std::int64_t n : {0, 8}) {
    MatchInput alone = input;
    alone.patterns.assign(input.patterns.begin() + n * p.S * p.K,
                          input.patterns.begin() + (n + 1) * p.S * p.K);
    const Matches got = run(*backend, one, alone);
    EXPECT_TRUE(std::equal(got.row.begin(), got.row.end(), all.row.begin() + n * p.top));
    EXPECT_TRUE(std::equal(got.similarity.begin(), got.similarity.end(), all.similarity.begin() + n * p.top));
  }
}

TEST_P(MatchViewsOp, WhatIsNoNumberMatchesNothing) {
  const BFloat16 nan = to_bfloat16(std::numeric_limits<float>::quiet_NaN()), one = to_bfloat16(1);
  const MatchInput input{{one, one}, {one, one, nan, one, one, to_bfloat16(-3)}, {}, {}};
  const Matches got = run(*backend, {.N = 1, .S = 1, .K = 2, .library_rows = 3, .M = 3, .top = 3}, input);
  EXPECT_EQ(got.row, (std::vector<std::int32_t>{0, 2, -1}));
  EXPECT_EQ(got.scale, (std::vector<std::int32_t>{0, 0, -1}));
  EXPECT_EQ(got.similarity, (std::vector<float>{2, -2, 0}));
}

TEST(MatchViewsContract, Problems) {
  const MatchViewsProblem match{.N = 1, .S = 2, .K = 3, .library_rows = 4, .M = 4, .top = 1};
  const auto with = [&](auto change) {
    MatchViewsProblem p = match;
    change(p);
    p.validate();
  };
  refused("[match_views] S 33 > 32", [&] { with([](auto& p) { p.S = 33; }); });
  refused("[match_views] S 0 < 1", [&] { with([](auto& p) { p.S = 0; }); });
  refused("[match_views] top 4097 > 4096", [&] { with([](auto& p) { p.top = 4097; }); });
  refused("[match_views] M 67108865 > 67108864", [&] { with([](auto& p) { p.M = (1 << 26) + 1; }); });
  refused("[match_views] library_rows 4 != N 3 x M 4 of own_rows", [&] {
    with([](auto& p) {
      p.N = 3;
      p.own_rows = true;
    });
  });
}

TEST(MatchViewsContract, Operands) {
  const auto backend = make_backend({"cpu", 1, ""});
  const Buffer memory = backend->allocate(1 << 12);
  const auto tensor = [&](DType type) { return Tensor{memory.data(), type}; };
  MatchViews op{.problem = {.N = 1, .S = 1, .K = 2, .library_rows = 4, .M = 3, .top = 1},
                .patterns = tensor(DType::bf16),
                .library = tensor(DType::bf16),
                .row = tensor(DType::i32),
                .scale = tensor(DType::i32),
                .similarity = tensor(DType::f32)};
  refused("[match_views] M (without rows) 3 != library_rows 4", [&] { backend->run(op); });
  op.problem.M = 4;
  op.library.dtype = DType::f32;
  refused("[match_views] library is F32, not BF16", [&] { backend->run(op); });
  op.library.dtype = DType::bf16;
  const Buffer rows = uploaded(*backend, std::vector<std::int32_t>{0, 1, 4, 2});
  op.rows = {rows.data(), DType::i32};
  backend->reserve_workspace(backend->workspace_bytes(op));
  refused("[match_views] row 4 outside a library of 4 rows", [&] { backend->run(op); });
}

}  // namespace
}  // namespace bragg::tests
