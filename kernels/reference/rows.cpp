// The step's counters and the rows of a batch.
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::do_advance(Tensor state, std::int64_t batch) {
  auto& place = *state.as<StepState>();
  place.step += 1;
  place.first_index += static_cast<std::uint64_t>(batch);
}

void ReferenceBackend::do_draw_rows(const DrawRowsProblem& p, ConstTensor candidates, ConstTensor state,
                                    Tensor dst) {
  for (std::int64_t i = 0; i < p.N; ++i) {
    const std::uint64_t index = state.as<StepState>()->first_index + static_cast<std::uint64_t>(i);
    dst.as<std::int32_t>()[i] = drawn_row(p, candidates.as<std::int32_t>(), index);
  }
}

void ReferenceBackend::do_gather_rows(const GatherRowsProblem& p, ConstTensor table, ConstTensor rows,
                                      const Activations& dst) {
  for (std::int64_t n = 0; n < p.N; ++n) {
    const std::int64_t row = rows.as<std::int32_t>()[n];
    if (row == -1 && p.keep_at_minus_1) continue;
    if (row < 0 || row >= p.table_rows) {
      throw ProblemError(fmt::format("[gather_rows] row {} outside a table of {} rows", row, p.table_rows));
    }
    for (std::int64_t i = 0; i < p.row_length; ++i) {
      const std::int64_t element = row * p.row_length + i;
      if (dst.dtype == DType::i32) {
        dst.item<std::int32_t>(n)[i] = table.as<std::int32_t>()[element];
        continue;
      }
      const double value = table.dtype == DType::f32   ? table.as<float>()[element]
                           : table.dtype == DType::u16 ? table.as<std::uint16_t>()[element]
                                                       : table.as<std::int32_t>()[element];
      dst.item<double>(n)[i] = p.scale * value;
    }
  }
}

}  // namespace bragg::reference
