#include "kernels/ops/rows.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {

void Advance::check_more(const Check& check) const {
  if (batch < 0) check.fail(fmt::format("batch {} < 0", batch));
}

void SampleRowsProblem::validate() const {
  require_at_least("sample_rows", "N", N, 0);
  require_at_least("sample_rows", "candidates", candidates, 1);
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (!(share >= 0 && share <= 1))
    throw ProblemError(fmt::format("[sample_rows] share {} is not in 0..1", share));
  if (candidates > most)
    throw ProblemError(fmt::format("[sample_rows] candidates {} > {}", candidates, most));
}

std::string SampleRowsProblem::text() const {
  return fmt::format("N {} candidates {}", N, candidates);
}

void GatherRowsProblem::validate() const {
  require_at_least("gather_rows", "N", N, 0);
  require_at_least("gather_rows", "table_rows", table_rows, 1);
  require_at_least("gather_rows", "row_length", row_length, 1);
  if (!std::isfinite(scale)) throw ProblemError(fmt::format("[gather_rows] scale {} is not finite", scale));
}

std::string GatherRowsProblem::text() const {
  return fmt::format("N {} table_rows {} row_length {}", N, table_rows, row_length);
}

void GatherRows::check_more(const Check& check) const {
  if (table.dtype != DType::f32 && table.dtype != DType::u16 && table.dtype != DType::i32)
    check.fail(fmt::format("table is {}, not F32, U16 or I32", name_of(table.dtype)));
  if (dst.dtype == DType::i32) {
    check.is("table (dst is I32)", table.dtype, DType::i32);
    if (problem.scale != 1) check.fail(fmt::format("scale {} != 1 for I32", problem.scale));
  } else {
    check.is("dst", dst.dtype, check.types().element);
  }
  check.equal("dst L * C", dst.L * dst.C, "row_length", problem.row_length);
}

}  // namespace bragg
