#include "data/stored_patterns.h"

#include <numeric>
#include <span>

#include <fmt/format.h>

#include "data/upload.h"
#include "kernels/error.h"

namespace bragg::data {

StoredPatterns::StoredPatterns(const PatternSet& set, StoredOptions options)
    : set_(set), options_(std::move(options)) {
  if (options_.rows.empty()) throw Error(fmt::format("{}: no patterns to draw from", set.path().string()));
  if (static_cast<std::int64_t>(options_.labels.size()) != set.size()) {
    throw Error(fmt::format("{}: {} labels for {} patterns", set.path().string(), options_.labels.size(),
                            set.size()));
  }
}

void StoredPatterns::plan(Backend& backend, std::int64_t N) {
  if (!table_) {  // patterns do not depend on N
    const std::size_t row_bytes = points() * sizeof(float);
    table_ = backend.allocate(size() * row_bytes);
    std::vector<std::int32_t> labels(options_.rows.size()), candidates(options_.rows.size());
    for (std::size_t i = 0; i < options_.rows.size(); ++i) {
      const std::vector<float> pattern = set_.pattern(options_.rows[i]);
      backend.upload(pattern.data(), table_.data() + i * row_bytes, row_bytes);
      labels[i] = options_.labels[options_.rows[i]];
    }
    std::iota(candidates.begin(), candidates.end(), 0);
    candidates_ = uploaded(backend, std::span<const std::int32_t>(candidates));
    labels_ = uploaded(backend, std::span<const std::int32_t>(labels));
  }
  rows_ = backend.allocate(N * sizeof(std::int32_t));
  N_ = N;
}

void StoredPatterns::enqueue(Backend& backend, ConstTensor state, const Activations& patterns,
                             Tensor labels) {
  if (patterns.N != N_)
    throw ProblemError(fmt::format("[stored_patterns] N {} != planned N {}", patterns.N, N_));
  const Tensor rows{rows_.data(), DType::i32};
  backend.draw_rows({.N = N_, .candidates = size(), .order = options_.order, .seed = options_.seed},
                    {candidates_.data(), DType::i32}, state, rows);
  backend.gather_rows({.N = N_, .table_rows = size(), .row_length = 1, .scale = 1},
                      {labels_.data(), DType::i32}, rows,
                      {.data = labels.data, .dtype = DType::i32, .N = N_, .L = 1, .C = 1, .item_stride = 1});
  backend.gather_rows({.N = N_, .table_rows = size(), .row_length = points(), .scale = 1},
                      {table_.data(), DType::f32}, rows, patterns);
}

}  // namespace bragg::data
