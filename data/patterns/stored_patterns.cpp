#include "data/patterns/stored_patterns.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

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
    std::vector<std::int32_t> labels;
    for (const std::int32_t row : options_.rows)
      labels.push_back(options_.labels[row]);
    table_ = PatternTable(backend, points(), labels,
                          [&](std::int64_t i) { return set_.pattern(options_.rows[i]); });
  }
  rows_ = backend.allocate(N * sizeof(std::int32_t));
  N_ = N;
}

void StoredPatterns::enqueue(Backend& backend, ConstTensor state, const Activations& patterns,
                             Tensor labels) {
  if (patterns.N != N_)
    throw ProblemError(fmt::format("[stored_patterns] N {} != planned N {}", patterns.N, N_));
  table_.enqueue(backend, {.N = N_, .order = options_.order, .seed = options_.seed}, state,
                 {rows_.data(), DType::i32}, patterns, labels);
}

}  // namespace bragg::data
