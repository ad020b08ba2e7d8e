// The tables of an index, computed from crystals: reflections by the backend, lines by threads, coarse rows by the
// backend again, all piecewise.
#include <algorithm>

#include "data/search/index_content.h"
#include "data/search/pattern_views.h"
#include "data/upload.h"
#include "kernels/base/thread_pool.h"
#include "xrd/crystal_batch.h"

namespace bragg::data {
namespace {

/// Crystals at a time: enough to keep all threads busy.
constexpr std::int64_t crystals_at_once = 2048;

/// The lines of some crystals in their order.
void add_lines(Backend& backend, const CrystalBatch& batch, ThreadPool& pool, IndexTables& tables) {
  const ReflectionSet set = backend.structure_factors(search_reflections(), batch);
  const auto offset = downloaded<std::uint64_t>(backend, set.offset, set.crystals + 1);
  const auto miller = downloaded<Miller>(backend, set.miller, set.reflections);
  std::vector<float> f2(static_cast<std::size_t>(set.reflections));
  if (!f2.empty()) backend.download({set.f2.data(), backend.precise_type()}, f2);
  std::vector<std::vector<PackedLine>> lines(static_cast<std::size_t>(set.crystals));
  pool.run(set.crystals, [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t first = offset[at], count = offset[at + 1] - first;
    append_lines(batch.metric[at], std::span(miller).subspan(first, count),
                 std::span(f2).subspan(first, count), lines[at]);
  });
  for (const std::vector<PackedLine>& own : lines) {
    tables.lines.insert(tables.lines.end(), own.begin(), own.end());
    tables.line_offset.push_back(static_cast<std::uint32_t>(tables.lines.size()));
  }
}

ElementSet elements_of(const xrd::Crystal& crystal) {
  ElementSet set;
  for (const xrd::Site& site : crystal.sites)
    if (site.occupancy > 0) set.add(site.species.atomic_number);
  return set;
}

void draw_coarse_rows(Backend& backend, IndexTables& tables) {
  const auto structures = std::ssize(tables.elements), lines = std::ssize(tables.lines);
  const Buffer offset = uploaded(backend, std::span<const std::uint32_t>(tables.line_offset));
  const Buffer packed = uploaded(backend, std::span<const PackedLine>(tables.lines));
  const std::int64_t most = std::min(structures, crystals_at_once);
  Buffer rows = backend.allocate(static_cast<std::size_t>(most) * sizeof(std::int32_t)),
         drawn = backend.allocate(static_cast<std::size_t>(most * coarse_bins) * sizeof(BFloat16));
  tables.coarse.resize(static_cast<std::size_t>(structures * coarse_bins));
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(most));
  for (std::int64_t first = 0; first < structures; first += most) {
    const std::int64_t count = std::min(most, structures - first);
    for (std::int64_t i = 0; i < count; ++i)
      numbers[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(first + i);
    backend.upload(numbers.data(), rows.data(), static_cast<std::size_t>(count) * sizeof(std::int32_t));
    const DrawViews op{.problem = coarse_problem(count, structures, lines),
                       .line_offset = {offset.data(), DType::u32},
                       .lines = {packed.data(), DType::u32},
                       .rows = {rows.data(), DType::i32},
                       .dst = {drawn.data(), DType::bf16}};
    backend.reserve_workspace(backend.workspace_bytes(op));
    backend.run(op);
    backend.download(drawn.data(), tables.coarse.data() + first * coarse_bins,
                     static_cast<std::size_t>(count * coarse_bins) * sizeof(BFloat16));
  }
}

}  // namespace

DrawViewsProblem coarse_problem(std::int64_t rows, std::int64_t structures, std::int64_t lines) {
  return {.N = rows,
          .structures = structures,
          .lines = lines,
          .bins = coarse_bins,
          .first_bin = 0,
          .end_bin = coarse_bins,
          .steps_per_bin = line_steps_per_bin * fine_per_coarse_bin,
          .views = 1,
          .view = {coarse_view}};
}

DrawViewsProblem fine_problem(std::int64_t first_bin, std::int64_t end_bin, std::int64_t rows,
                              std::int64_t structures, std::int64_t lines) {
  DrawViewsProblem problem{.N = rows,
                           .structures = structures,
                           .lines = lines,
                           .bins = search_grid.points,
                           .first_bin = first_bin,
                           .end_bin = end_bin,
                           .steps_per_bin = line_steps_per_bin,
                           .views = static_cast<std::int64_t>(search_views.size())};
  for (std::size_t v = 0; v < search_views.size(); ++v) {
    const SearchView& view = search_views[v];
    problem.view[v] = {view.fwhm_low / search_grid.step, view.fwhm_high / search_grid.step, view.power};
  }
  return problem;
}

IndexTables computed_tables(Backend& backend, const CrystalSource& crystals, int threads) {
  IndexTables tables{.line_offset = {0}, .lines = {}, .coarse = {}, .elements = {}};
  ThreadPool pool(threads);
  for (std::int64_t first = 0; first < crystals.size; first += crystals_at_once) {
    xrd::CrystalBatchBuilder builder;
    for (std::int64_t i = first; i < std::min(first + crystals_at_once, crystals.size); ++i) {
      const xrd::Crystal crystal = crystals.at(i);
      builder.add(crystal);
      tables.elements.push_back(elements_of(crystal));
    }
    add_lines(backend, builder.take(), pool, tables);
  }
  draw_coarse_rows(backend, tables);
  return tables;
}

}  // namespace bragg::data
