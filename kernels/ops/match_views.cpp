#include "kernels/ops/match_views.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {

void MatchViewsProblem::validate() const {
  const auto within = [](const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
    require_at_least(MatchViews::name, name, value, least);
    if (value > most) throw ProblemError(fmt::format("[{}] {} {} > {}", MatchViews::name, name, value, most));
  };
  constexpr std::int64_t most_rows = std::int64_t{1}
                                     << 26;  // a GPU's order of matches has so many bits for them
  within("N", N, 0, most_rows);
  within("S", S, 1, most_scales);
  within("K", K, 1, most_rows);
  within("library_rows", library_rows, 0, most_rows);
  within("M", M, 0, most_rows);
  if (own_rows && library_rows != N * M)
    throw ProblemError(
        fmt::format("[{}] library_rows {} != N {} x M {} of own_rows", MatchViews::name, library_rows, N, M));
  within("top", top, 1, most_matches);
}

std::string MatchViewsProblem::text() const {
  return fmt::format("N {} S {} K {} library_rows {} M {} top {}{}", N, S, K, library_rows, M, top,
                     own_rows ? " own_rows" : "");
}

void MatchViews::check_more(const Check& check) const {
  check.is("patterns", patterns.dtype, DType::bf16);
  if (problem.library_rows > 0) check.is("library", library.dtype, DType::bf16);
  if (weight) check.is("weight", weight.dtype, DType::f32);
  if (problem.own_rows) {
    if (rows) check.fail("rows beside own_rows");
  } else if (!rows) {
    check.equal("M (without rows)", problem.M, "library_rows", problem.library_rows);
  }
}

}  // namespace bragg
