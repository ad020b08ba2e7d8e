#include "data/patterns/synthetic_crystals.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "data/gather_column.h"
#include "data/upload.h"
#include "kernels/ops/rows.h"

namespace bragg::data {
namespace {

constexpr std::int64_t crystals_per_task = 32;

std::int64_t patterns_per_portion(const SyntheticOptions& options, std::int64_t N) {
  return (std::max<std::int64_t>(options.patterns_per_portion, 1) + N - 1) / N * N;
}

}  // namespace

SyntheticCrystals::SyntheticCrystals(ReflectionStore& store,
                                     std::unique_ptr<const CrystalStatistics> statistics,
                                     SyntheticOptions options)
    : store_(store),
      statistics_(std::move(statistics)),
      options_(std::move(options)),
      generator_(*statistics_, options_.generator),
      pool_(options_.threads) {}

std::int64_t SyntheticCrystals::expected_per_portion(const SyntheticOptions& options, std::int64_t N) {
  return std::llround(std::ceil(options.share * static_cast<double>(patterns_per_portion(options, N))));
}

SampleRowsProblem SyntheticCrystals::draw() const {
  return {.N = N_,
          .candidates = patterns_,
          .order = SampleRowsProblem::Order::sequential,
          .seed = options_.seed,
          .purpose = DataDraw::synthetic,
          .share = options_.share};
}

void SyntheticCrystals::plan(Backend& backend, std::int64_t N) {
  next_ = {};  // waits: it uses what is set here
  N_ = N;
  patterns_ = patterns_per_portion(options_, N);
  begin_ = end_ = 0;
  const std::size_t bytes = patterns_ * sizeof(std::int32_t);
  slots_ = backend.allocate(bytes);
  labels_ = backend.allocate(bytes);
  slots_of_batch_ = backend.allocate(N * sizeof(std::int32_t));
  std::vector<std::int32_t> rows(patterns_);
  std::iota(rows.begin(), rows.end(), static_cast<std::int32_t>(store_.size()));
  rows_ = uploaded(backend, std::span<const std::int32_t>(rows));
}

SyntheticCrystals::Portion SyntheticCrystals::make(std::uint64_t first) {
  Portion portion;
  portion.slots.resize(patterns_);
  std::vector<std::uint64_t> indices;
  for (std::uint64_t i = first; i < first + static_cast<std::uint64_t>(patterns_); ++i) {
    portion.slots[i % patterns_] = static_cast<std::int32_t>(indices.size());
    if (sampled_row(draw(), portion.slots.data(), i) >= 0) indices.push_back(i);
  }
  std::vector<xrd::Crystal> crystals(indices.size());
  const auto count = static_cast<std::int64_t>(indices.size());
  pool_.run((count + crystals_per_task - 1) / crystals_per_task, [&](std::int64_t task, int) {
    const std::int64_t begin = task * crystals_per_task;
    for (std::int64_t i = begin; i < std::min(begin + crystals_per_task, count); ++i)
      crystals[i] = generator_.crystal(indices[i]);
  });
  xrd::CrystalBatchBuilder builder = store_.builder();
  for (const xrd::Crystal& crystal : crystals) {
    builder.add(crystal);
    portion.labels.push_back(options_.label(crystal.group.number));
  }
  portion.crystals = builder.take();
  return portion;
}

bool SyntheticCrystals::prepare(Backend& backend, std::uint64_t first_index) {
  if (first_index >= begin_ && first_index + static_cast<std::uint64_t>(N_) <= end_) return false;
  Portion portion;
  if (next_.valid() && first_index == end_) {
    portion = next_.get();
  } else {
    next_ = {};  // waits: it uses the same threads
    portion = make(first_index);
  }
  const bool moved = store_.put_behind(backend, portion.crystals);
  backend.upload(portion.slots.data(), slots_.data(), portion.slots.size() * sizeof(std::int32_t));
  backend.upload(portion.labels.data(), labels_.data(), portion.labels.size() * sizeof(std::int32_t));
  begin_ = first_index;
  end_ = begin_ + static_cast<std::uint64_t>(patterns_);
  next_ = std::async(options_.in_background ? std::launch::async : std::launch::deferred,
                     [this, first = end_] { return make(first); });
  return moved;
}

void SyntheticCrystals::enqueue(Backend& backend, ConstTensor state, Tensor rows, Tensor labels) const {
  const Tensor slots{slots_of_batch_.data(), DType::i32};
  backend.run(SampleRows{draw(), {slots_.data(), DType::i32}, state, slots});
  const GatherRowsProblem gather{.N = N_, .table_rows = patterns_, .keep_at_minus_1 = true};
  gather_column(backend, gather, rows_, slots, rows);
  gather_column(backend, gather, labels_, slots, labels);
}

}  // namespace bragg::data
