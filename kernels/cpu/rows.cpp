// The step's counters and the rows of a batch.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/cpu/cpu_backend.h"

namespace bragg::cpu {

void CpuBackend::do_advance(Tensor state, std::int64_t batch) {
  auto& place = *state.as<StepState>();
  place.step += 1;
  place.first_index += static_cast<std::uint64_t>(batch);
}

void CpuBackend::do_draw_rows(const DrawRowsProblem& p, ConstTensor candidates, ConstTensor state,
                              Tensor dst) {
  for (std::int64_t i = 0; i < p.N; ++i) {
    const std::uint64_t index = state.as<StepState>()->first_index + static_cast<std::uint64_t>(i);
    dst.as<std::int32_t>()[i] = drawn_row(p, candidates.as<std::int32_t>(), index);
  }
}

void CpuBackend::do_gather_rows(const GatherRowsProblem& p, ConstTensor table, ConstTensor rows,
                                const Activations& dst) {
  for (std::int64_t n = 0; n < p.N; ++n) {
    const std::int64_t row = rows.as<std::int32_t>()[n];
    if (row == -1 && p.keep_at_minus_1) continue;
    if (row < 0 || row >= p.table_rows) {
      throw ProblemError(fmt::format("[gather_rows] row {} outside a table of {} rows", row, p.table_rows));
    }
  }
  const auto scale = static_cast<float>(p.scale);
  pool_.run(p.N, [&](std::int64_t n, int) {
    const std::int64_t first = rows.as<std::int32_t>()[n] * p.row_length;
    if (first < 0) return;
    if (dst.dtype == DType::i32) {
      std::copy_n(table.as<std::int32_t>() + first, p.row_length, dst.item<std::int32_t>(n));
    } else if (table.dtype == DType::f32) {
      network_.scale_f32(table.as<float>() + first, p.row_length, scale, dst.item<float>(n));
    } else if (table.dtype == DType::u16) {
      network_.scale_u16(table.as<std::uint16_t>() + first, p.row_length, scale, dst.item<float>(n));
    } else {
      network_.scale_i32(table.as<std::int32_t>() + first, p.row_length, scale, dst.item<float>(n));
    }
  });
}

}  // namespace bragg::cpu
