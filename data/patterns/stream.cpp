#include "data/patterns/stream.h"

#include <span>

#include <fmt/format.h>

#include "data/gather_column.h"
#include "data/upload.h"
#include "kernels/base/error.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/ops/render_patterns.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/sample_patterns.h"
#include "kernels/ops/step_state.h"

namespace bragg::data {

PatternStream::PatternStream(const ReflectionStore& store, StreamOptions options)
    : store_(store), options_(std::move(options)) {
  if (options_.rows.empty()) throw Error("pattern stream: no crystals to draw from");
  if (const auto fault = fault_of(options_.processing, options_.instrument.grid))
    throw Error(fmt::format("pattern stream: {}", *fault));
  if (static_cast<std::int64_t>(options_.labels.size()) != store.size()) {
    throw Error(
        fmt::format("pattern stream: {} labels for {} crystals", options_.labels.size(), store.size()));
  }
  for (const std::int32_t row : options_.rows) {
    if (row < 0 || row >= store.size()) {
      throw Error(fmt::format("pattern stream: row {} of {} crystals", row, store.size()));
    }
  }
  if (options_.synthetic && &options_.synthetic->store() != &store)
    throw Error("pattern stream: the synthetic crystals lie in another store");
  const MeasuredPatterns& measured = options_.measured;
  if (has_measured() &&
      (measured.labels.empty() ||
       measured.patterns.size() != measured.labels.size() * static_cast<std::size_t>(points()))) {
    throw Error(fmt::format("pattern stream: {} numbers of measured patterns, {} labels, {} points",
                            measured.patterns.size(), measured.labels.size(), points()));
  }
}

void PatternStream::plan(Backend& backend, std::int64_t N) {
  candidates_ = uploaded(backend, std::span<const std::int32_t>(options_.rows));
  labels_ = uploaded(backend, std::span<const std::int32_t>(options_.labels));
  rows_ = backend.allocate(N * sizeof(std::int32_t));
  impurities_ = backend.allocate(N * sizeof(std::int32_t));
  parameters_ = backend.allocate(N * sizeof(PatternParameters));
  if (has_measured()) {
    const MeasuredPatterns& measured = options_.measured;
    measured_ = PatternTable(backend, points(), measured.labels, [&](std::int64_t i) {
      const auto first = measured.patterns.begin() + i * points();
      return std::vector<float>(first, first + points());
    });
  }
  if (options_.synthetic) options_.synthetic->plan(backend, N);
  sampling_ = {
      .N = N, .seed = options_.seed, .variants = options_.variants, .grid = options_.instrument.grid};
  problem_ = {.N = N,
              .instrument = options_.instrument,
              .maximum = 1,
              .impurities = sampling_.samples_impurities(),
              .processing = options_.processing};
  backend.reserve_workspace(backend.workspace_bytes(SamplePatterns{sampling_}));
  backend.reserve_workspace(backend.workspace_bytes(RenderPatterns{problem_}));
}

bool PatternStream::prepare(Backend& backend, const StepState& state) {
  return options_.synthetic && options_.synthetic->prepare(backend, state.first_index);
}

void PatternStream::enqueue(Backend& backend, ConstTensor state, const Activations& patterns, Tensor labels) {
  const std::int64_t N = problem_.N;
  if (patterns.N != N)
    throw ProblemError(fmt::format("[pattern_stream] N {} != planned N {}", patterns.N, N));
  const Tensor rows{rows_.data(), DType::i32}, impurities{impurities_.data(), DType::i32};
  const ConstTensor candidates{candidates_.data(), DType::i32};
  SampleRowsProblem draw{.N = N, .candidates = size(), .order = options_.order, .seed = options_.seed};
  backend.run(SampleRows{draw, candidates, state, rows});
  gather_column(backend, {.N = N, .table_rows = store_.size()}, labels_, rows, labels);
  if (options_.synthetic) options_.synthetic->enqueue(backend, state, rows, labels);
  if (problem_.impurities) {
    draw.order = SampleRowsProblem::Order::uniform;
    draw.purpose = DataDraw::impurity;
    backend.run(SampleRows{draw, candidates, state, impurities});
  }
  const Tensor parameters{parameters_.data(), DType::u8};
  backend.run(SamplePatterns{sampling_, state, parameters});
  backend.run(RenderPatterns{problem_, &store_.reflections(), rows, impurities, parameters, patterns});
  if (!has_measured()) return;
  measured_.enqueue(
      backend,
      {.N = N, .seed = options_.seed, .purpose = DataDraw::measured, .share = options_.measured.share}, state,
      rows, patterns, labels);
}

}  // namespace bragg::data
