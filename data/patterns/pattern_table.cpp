#include "data/patterns/pattern_table.h"

#include <numeric>

#include "data/gather_column.h"
#include "data/upload.h"
#include "kernels/ops/rows.h"

namespace bragg::data {

PatternTable::PatternTable(Backend& backend, std::int64_t points, std::span<const std::int32_t> labels,
                           const std::function<std::vector<float>(std::int64_t)>& pattern)
    : count_(static_cast<std::int64_t>(labels.size())), points_(points) {
  const std::size_t row_bytes = points * sizeof(float);
  patterns_ = backend.allocate(count_ * row_bytes);
  for (std::int64_t i = 0; i < count_; ++i)
    backend.upload(pattern(i).data(), patterns_.data() + i * row_bytes, row_bytes);
  std::vector<std::int32_t> candidates(labels.size());
  std::iota(candidates.begin(), candidates.end(), 0);
  candidates_ = uploaded(backend, std::span<const std::int32_t>(candidates));
  labels_ = uploaded(backend, labels);
}

void PatternTable::enqueue(Backend& backend, SampleRowsProblem draw, ConstTensor state, Tensor rows,
                           const Activations& patterns, Tensor labels) const {
  draw.candidates = count_;
  backend.run(SampleRows{draw, {candidates_.data(), DType::i32}, state, rows});
  const GatherRowsProblem gather{.N = draw.N,
                                 .table_rows = count_,
                                 .row_length = points_,
                                 .scale = 1,
                                 .keep_at_minus_1 = draw.share < 1};
  gather_column(backend, gather, labels_, rows, labels);
  backend.run(GatherRows{gather, {patterns_.data(), DType::f32}, rows, patterns});
}

}  // namespace bragg::data
