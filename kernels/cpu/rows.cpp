// The step's counters and the rows of a batch.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/ops/step_state.h"

namespace bragg::cpu {

void CpuBackend::run_op(const Advance& op) {
  auto& place = *op.state.as<StepState>();
  place.step += 1;
  place.first_index += static_cast<std::uint64_t>(op.batch);
}

void CpuBackend::run_op(const SampleRows& op) {
  const SampleRowsProblem& p = op.problem;
  for (std::int64_t i = 0; i < p.N; ++i) {
    const std::uint64_t index = op.state.as<StepState>()->first_index + static_cast<std::uint64_t>(i);
    op.dst.as<std::int32_t>()[i] = sampled_row(p, op.candidates.as<std::int32_t>(), index);
  }
}

void CpuBackend::run_op(const GatherRows& op) {
  const GatherRowsProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n) {
    const std::int64_t row = op.rows.as<std::int32_t>()[n];
    if (row == -1 && p.keep_at_minus_1) continue;
    if (row < 0 || row >= p.table_rows) {
      throw ProblemError(fmt::format("[gather_rows] row {} outside a table of {} rows", row, p.table_rows));
    }
  }
  const auto scale = static_cast<float>(p.scale);
  with_element_type([&]<typename Element>() {
    const ElementKernels<Element>& kernels = network_.of<Element>();
    pool_.run(p.N, [&](std::int64_t n, int) {
      const std::int64_t first = op.rows.as<std::int32_t>()[n] * p.row_length;
      if (first < 0) return;
      if (op.dst.dtype == DType::i32) {
        std::copy_n(op.table.as<std::int32_t>() + first, p.row_length, op.dst.item<std::int32_t>(n));
      } else if (op.table.dtype == DType::f32) {
        kernels.scale_f32(op.table.as<float>() + first, p.row_length, scale, op.dst.item<Element>(n));
      } else if (op.table.dtype == DType::u16) {
        kernels.scale_u16(op.table.as<std::uint16_t>() + first, p.row_length, scale, op.dst.item<Element>(n));
      } else {
        kernels.scale_i32(op.table.as<std::int32_t>() + first, p.row_length, scale, op.dst.item<Element>(n));
      }
    });
  });
}

}  // namespace bragg::cpu
