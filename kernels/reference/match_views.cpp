// Patterns looked up in a library, as MatchViewsProblem says: all similarities of a pattern, then a sort.
#include "kernels/ops/match_views.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

struct Match {
  double similarity;
  std::int32_t row = -1, scale = -1;
};

double product(const BFloat16* a, const BFloat16* b, std::int64_t K) {
  double sum = 0;
  for (std::int64_t k = 0; k < K; ++k)
    sum += double{to_float(a[k])} * double{to_float(b[k])};
  return sum;
}

/// Of the pattern's scales the best; none where no product is a number.
Match match(const MatchViews& op, std::int64_t n, std::int64_t m) {
  const MatchViewsProblem& p = op.problem;
  const std::int64_t row = op.rows ? op.rows.as<std::int32_t>()[m] : p.own_rows ? n * p.M + m : m;
  Match best{0};
  for (std::int64_t s = 0; s < p.S; ++s) {
    const double sum =
        product(op.patterns.as<BFloat16>() + (n * p.S + s) * p.K, op.library.as<BFloat16>() + row * p.K, p.K);
    if (best.scale < 0 ? sum == sum : sum > best.similarity)
      best = {sum, static_cast<std::int32_t>(p.own_rows ? m : row), static_cast<std::int32_t>(s)};
  }
  if (op.weight) best.similarity *= double{op.weight.as<float>()[row]};
  return best;
}

}  // namespace

void ReferenceBackend::run_op(const MatchViews& op) {
  const MatchViewsProblem& p = op.problem;
  for (std::int64_t m = 0; op.rows && m < p.M; ++m) {
    const std::int32_t row = op.rows.as<std::int32_t>()[m];
    if (row < 0 || row >= p.library_rows)
      throw ProblemError(
          fmt::format("[match_views] row {} outside a library of {} rows", row, p.library_rows));
  }
  for (std::int64_t n = 0; n < p.N; ++n) {
    std::vector<Match> matches;
    for (std::int64_t m = 0; m < p.M; ++m) {
      const Match one = match(op, n, m);
      if (one.scale >= 0) matches.push_back(one);
    }
    std::stable_sort(matches.begin(), matches.end(),
                     [](const Match& a, const Match& b) { return a.similarity > b.similarity; });
    matches.resize(static_cast<std::size_t>(p.top), Match{0});
    for (std::int64_t i = 0; i < p.top; ++i) {
      const Match& one = matches[static_cast<std::size_t>(i)];
      op.row.as<std::int32_t>()[n * p.top + i] = one.row;
      op.scale.as<std::int32_t>()[n * p.top + i] = one.scale;
      op.similarity.as<double>()[n * p.top + i] = one.similarity;
    }
  }
}

}  // namespace bragg::reference
