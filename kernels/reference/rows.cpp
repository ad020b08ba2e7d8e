// The step's counters and the rows of a batch.
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/ops/step_state.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const Advance& op) {
  auto& place = *op.state.as<StepState>();
  place.step += 1;
  place.first_index += static_cast<std::uint64_t>(op.batch);
}

void ReferenceBackend::run_op(const SampleRows& op) {
  const SampleRowsProblem& p = op.problem;
  for (std::int64_t i = 0; i < p.N; ++i) {
    const std::uint64_t index = op.state.as<StepState>()->first_index + static_cast<std::uint64_t>(i);
    op.dst.as<std::int32_t>()[i] = sampled_row(p, op.candidates.as<std::int32_t>(), index);
  }
}

void ReferenceBackend::run_op(const GatherRows& op) {
  const GatherRowsProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n) {
    const std::int64_t row = op.rows.as<std::int32_t>()[n];
    if (row == -1 && p.keep_at_minus_1) continue;
    if (row < 0 || row >= p.table_rows) {
      throw ProblemError(fmt::format("[gather_rows] row {} outside a table of {} rows", row, p.table_rows));
    }
    for (std::int64_t i = 0; i < p.row_length; ++i) {
      const std::int64_t element = row * p.row_length + i;
      if (op.dst.dtype == DType::i32) {
        op.dst.item<std::int32_t>(n)[i] = op.table.as<std::int32_t>()[element];
        continue;
      }
      const double value = op.table.dtype == DType::f32   ? op.table.as<float>()[element]
                           : op.table.dtype == DType::u16 ? op.table.as<std::uint16_t>()[element]
                                                          : op.table.as<std::int32_t>()[element];
      op.dst.item<double>(n)[i] = p.scale * value;
    }
  }
}

}  // namespace bragg::reference
