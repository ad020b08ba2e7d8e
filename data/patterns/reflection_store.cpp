#include "data/patterns/reflection_store.h"

#include <algorithm>

#include <malloc.h>

#include "data/crystals/crystal_set.h"

namespace bragg::data {
namespace {

/// Crystals whose reflections are computed in one call: enough to keep all threads busy.
constexpr std::int64_t crystals_per_call = 2048;

/// Room for a quarter more than is expected: of crystals as of their reflections.
std::int64_t with_margin(std::int64_t count) {
  return count + count / 4;
}

ReflectionSet allocate(Backend& backend, std::int64_t crystals, std::int64_t reflections) {
  return {.crystals = crystals,
          .reflections = reflections,
          .offset = backend.allocate((crystals + 1) * sizeof(std::uint64_t)),
          .metric = backend.allocate(crystals * sizeof(ReciprocalMetric)),
          .miller = backend.allocate(reflections * sizeof(Miller)),
          .f2 = backend.allocate(reflections * size_of(backend.precise_type())),
          .laue = backend.allocate(crystals * sizeof(LaueRotations))};
}

/// The first `crystals` of src with their `reflections`, all but the offsets, into dst from row `crystal` and
/// from `reflection` on.
void copy_rows(Backend& backend, const ReflectionSet& src, std::int64_t crystals, std::int64_t reflections,
               ReflectionSet& dst, std::int64_t crystal, std::int64_t reflection) {
  const auto copy = [&](const Buffer& from, Buffer& to, std::int64_t at, std::int64_t count,
                        std::size_t bytes) {
    backend.copy(from.data(), to.data() + at * bytes, count * bytes);
  };
  copy(src.metric, dst.metric, crystal, crystals, sizeof(ReciprocalMetric));
  copy(src.laue, dst.laue, crystal, crystals, sizeof(LaueRotations));
  copy(src.miller, dst.miller, reflection, reflections, sizeof(Miller));
  copy(src.f2, dst.f2, reflection, reflections, size_of(backend.precise_type()));
}

/// Appends the offsets of a set whose reflections begin at the last one.
void append_offsets(Backend& backend, const ReflectionSet& part, std::vector<std::uint64_t>& offset) {
  const std::uint64_t first = offset.back();
  std::vector<std::uint64_t> own(part.crystals + 1);
  backend.download(part.offset.data(), own.data(), own.size() * sizeof(std::uint64_t));
  for (std::size_t i = 1; i < own.size(); ++i)
    offset.push_back(first + own[i]);
}

/// Offsets of the rows from `row` on; the rows behind them have no reflections.
void upload_offsets(Backend& backend, std::vector<std::uint64_t> offset, ReflectionSet& set,
                    std::int64_t row) {
  offset.resize(set.crystals + 1 - row, offset.back());
  backend.upload(offset.data(), set.offset.data() + row * sizeof(std::uint64_t),
                 offset.size() * sizeof(std::uint64_t));
}

}  // namespace

ReflectionRequest reflections_on(const Instrument& instrument, const Recipe& recipe,
                                 bool ignore_displacements) {
  const StolRange range = stol_range(instrument, recipe);
  return {
      .range = {.stol_min = range.min, .stol_max = range.max, .ignore_displacements = ignore_displacements},
      .anomalous = recipe.anomalous ? std::optional(instrument.wavelength) : std::nullopt};
}

ReflectionStore::ReflectionStore(Backend& backend, const CrystalSource& crystals,
                                 const ReflectionRequest& request, std::int64_t spare)
    : request_(request), size_(crystals.size) {
  const std::int64_t count = crystals.size;
  std::vector<ReflectionSet> parts;
  for (std::int64_t first = 0; first == 0 || first < count; first += crystals_per_call) {
    xrd::CrystalBatchBuilder builder = this->builder();
    for (std::int64_t i = first; i < std::min(first + crystals_per_call, count); ++i)
      builder.add(crystals.at(i));
    parts.push_back(backend.structure_factors(request.range, builder.take()));
    reflections_ += parts.back().reflections;
  }
  if (parts.size() == 1 && spare == 0) {
    set_ = std::move(parts.front());
    return;
  }
  const std::int64_t spare_reflections = count == 0 ? 0 : with_margin(spare * reflections_ / count);
  set_ = allocate(backend, count + with_margin(spare), reflections_ + spare_reflections);
  std::vector<std::uint64_t> offset{0};
  for (ReflectionSet& part : parts) {
    copy_rows(backend, part, part.crystals, part.reflections, set_,
              static_cast<std::int64_t>(offset.size()) - 1, static_cast<std::int64_t>(offset.back()));
    append_offsets(backend, part, offset);
    part = {};
  }
  upload_offsets(backend, std::move(offset), set_, 0);
  // The parts were as large as the whole; glibc would keep their memory for blocks of the same size.
  malloc_trim(0);
}

bool ReflectionStore::reserve(Backend& backend, std::int64_t crystals, std::int64_t reflections) {
  if (size_ + crystals <= set_.crystals && reflections_ + reflections <= set_.reflections) return false;
  ReflectionSet larger = allocate(backend, std::max(set_.crystals, size_ + with_margin(crystals)),
                                  std::max(set_.reflections, reflections_ + with_margin(reflections)));
  copy_rows(backend, set_, size_, reflections_, larger, 0, 0);
  backend.copy(set_.offset.data(), larger.offset.data(), (size_ + 1) * sizeof(std::uint64_t));
  backend.synchronize();  // before what is copied from is given back
  set_ = std::move(larger);
  return true;
}

bool ReflectionStore::put_behind(Backend& backend, const CrystalBatch& crystals) {
  const ReflectionSet added = backend.structure_factors(request_.range, crystals);
  const bool moved = reserve(backend, added.crystals, added.reflections);
  copy_rows(backend, added, added.crystals, added.reflections, set_, size_, reflections_);
  std::vector<std::uint64_t> offset{static_cast<std::uint64_t>(reflections_)};
  append_offsets(backend, added, offset);
  upload_offsets(backend, std::move(offset), set_, size_);
  return moved;
}

}  // namespace bragg::data
