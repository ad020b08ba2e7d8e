#include "data/stream.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <malloc.h>

#include "data/crystal_set.h"
#include "data/upload.h"
#include "kernels/error.h"
#include "xrd/crystal_batch.h"

namespace bragg::data {
namespace {

/// Crystals whose reflections are computed in one call: enough to keep all threads busy.
constexpr std::int64_t crystals_per_call = 2048;

/// Sets one after the other in one.
ReflectionSet join(Backend& backend, std::vector<ReflectionSet> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  const std::size_t f2_bytes = size_of(backend.precise_type());
  ReflectionSet all;
  for (const ReflectionSet& part : parts) {
    all.crystals += part.crystals;
    all.reflections += part.reflections;
  }
  all.offset = backend.allocate((all.crystals + 1) * sizeof(std::uint64_t));
  all.metric = backend.allocate(all.crystals * sizeof(ReciprocalMetric));
  all.miller = backend.allocate(all.reflections * sizeof(Miller));
  all.f2 = backend.allocate(all.reflections * f2_bytes);
  all.laue = backend.allocate(all.crystals * sizeof(LaueRotations));

  std::vector<std::byte> host;
  const auto copy = [&](const Buffer& src, Buffer& dst, std::size_t at, std::size_t bytes) {
    host.resize(bytes);
    backend.download(src.data(), host.data(), bytes);
    backend.upload(host.data(), dst.data() + at, bytes);
  };
  std::vector<std::uint64_t> offset;
  std::int64_t crystals = 0, reflections = 0;
  for (ReflectionSet& part : parts) {
    copy(part.metric, all.metric, crystals * sizeof(ReciprocalMetric),
         part.crystals * sizeof(ReciprocalMetric));
    copy(part.laue, all.laue, crystals * sizeof(LaueRotations), part.crystals * sizeof(LaueRotations));
    copy(part.miller, all.miller, reflections * sizeof(Miller), part.reflections * sizeof(Miller));
    copy(part.f2, all.f2, reflections * f2_bytes, part.reflections * f2_bytes);
    offset.resize(part.crystals + 1);
    backend.download(part.offset.data(), offset.data(), offset.size() * sizeof(std::uint64_t));
    for (std::uint64_t& entry : offset)
      entry += reflections;
    backend.upload(offset.data(), all.offset.data() + crystals * sizeof(std::uint64_t),
                   offset.size() * sizeof(std::uint64_t));
    crystals += part.crystals;
    reflections += part.reflections;
    part = {};
  }
  return all;
}

/// crystal(i) of several sets seen as one.
std::function<xrd::Crystal(std::int64_t)> concatenated(const std::vector<const CrystalSet*>& sets) {
  return [sets](std::int64_t i) {
    std::size_t s = 0;
    while (i >= sets[s]->size())
      i -= sets[s++]->size();
    return sets[s]->crystal(i);
  };
}

std::int64_t total_size(const std::vector<const CrystalSet*>& sets) {
  std::int64_t total = 0;
  for (const CrystalSet* set : sets)
    total += set->size();
  return total;
}

}  // namespace

ReflectionProblem reflections_on(const TwoThetaGrid& grid, double wavelength, const xrd::Recipe& recipe,
                                 bool ignore_displacements) {
  const xrd::StolRange range = xrd::stol_range(grid, wavelength, recipe);
  return {.stol_min = range.min, .stol_max = range.max, .ignore_displacements = ignore_displacements};
}

ReflectionStore::ReflectionStore(Backend& backend, std::int64_t count,
                                 const std::function<xrd::Crystal(std::int64_t)>& crystal,
                                 const ReflectionProblem& problem) {
  std::vector<ReflectionSet> parts;
  for (std::int64_t first = 0; first == 0 || first < count; first += crystals_per_call) {
    xrd::CrystalBatchBuilder builder;
    for (std::int64_t i = first; i < std::min(first + crystals_per_call, count); ++i)
      builder.add(crystal(i));
    parts.push_back(backend.structure_factors(problem, builder.take()));
  }
  set_ = join(backend, std::move(parts));
  // The parts were as large as the whole; glibc would keep their memory for blocks of the same size.
  malloc_trim(0);
}

ReflectionStore::ReflectionStore(Backend& backend, const std::vector<const CrystalSet*>& sets,
                                 const ReflectionProblem& problem)
    : ReflectionStore(backend, total_size(sets), concatenated(sets), problem) {}

PatternStream::PatternStream(const ReflectionStore& store, StreamOptions options)
    : store_(store), options_(std::move(options)) {
  if (options_.rows.empty()) throw Error("pattern stream: no crystals to draw from");
  if (static_cast<std::int64_t>(options_.labels.size()) != store.size()) {
    throw Error(
        fmt::format("pattern stream: {} labels for {} crystals", options_.labels.size(), store.size()));
  }
  for (const std::int32_t row : options_.rows) {
    if (row < 0 || row >= store.size()) {
      throw Error(fmt::format("pattern stream: row {} of {} crystals", row, store.size()));
    }
  }
  const MeasuredPatterns& measured = options_.measured;
  if (has_measured() &&
      (measured.labels.empty() ||
       measured.patterns.size() != measured.labels.size() * static_cast<std::size_t>(points()))) {
    throw Error(fmt::format("pattern stream: {} numbers of measured patterns, {} labels, {} points",
                            measured.patterns.size(), measured.labels.size(), points()));
  }
}

PatternProblem PatternStream::problem() const {
  return {.N = N_,
          .grid = options_.grid,
          .wavelength = options_.wavelength,
          .maximum = 1,
          .seed = options_.seed,
          .variants = options_.variants,
          .processing = options_.processing};
}

void PatternStream::plan(Backend& backend, std::int64_t N) {
  candidates_ = uploaded(backend, std::span<const std::int32_t>(options_.rows));
  labels_ = uploaded(backend, std::span<const std::int32_t>(options_.labels));
  rows_ = backend.allocate(N * sizeof(std::int32_t));
  impurities_ = backend.allocate(N * sizeof(std::int32_t));
  if (has_measured()) {
    const MeasuredPatterns& measured = options_.measured;
    measured_ = PatternTable(backend, points(), measured.labels, [&](std::int64_t i) {
      const auto first = measured.patterns.begin() + i * points();
      return std::vector<float>(first, first + points());
    });
  }
  N_ = N;
  backend.reserve_workspace(backend.workspace_bytes(problem()));
}

void PatternStream::enqueue(Backend& backend, ConstTensor state, const Activations& patterns, Tensor labels) {
  if (patterns.N != N_)
    throw ProblemError(fmt::format("[pattern_stream] N {} != planned N {}", patterns.N, N_));
  const Tensor rows{rows_.data(), DType::i32}, impurities{impurities_.data(), DType::i32};
  const ConstTensor candidates{candidates_.data(), DType::i32};
  const Activations classes{
      .data = labels.data, .dtype = DType::i32, .N = N_, .L = 1, .C = 1, .item_stride = 1};
  const PatternProblem p = problem();
  DrawRowsProblem draw{.N = N_, .candidates = size(), .order = options_.order, .seed = options_.seed};
  backend.draw_rows(draw, candidates, state, rows);
  backend.gather_rows({.N = N_, .table_rows = store_.size(), .row_length = 1}, {labels_.data(), DType::i32},
                      rows, classes);
  if (p.draws_impurities()) {
    draw.order = DrawRowsProblem::Order::uniform;
    draw.purpose = DataDraw::impurity;
    backend.draw_rows(draw, candidates, state, impurities);
  }
  backend.render_patterns(p, store_.reflections(), rows, impurities, state, patterns);
  if (!has_measured()) return;
  measured_.enqueue(
      backend,
      {.N = N_, .seed = options_.seed, .purpose = DataDraw::measured, .share = options_.measured.share},
      state, rows, patterns, labels);
}

}  // namespace bragg::data
