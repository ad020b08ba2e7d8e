// What a SearchIndex holds, for the files that build, keep and search it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/search/search_index.h"
#include "data/search/structure_lines.h"
#include "data/search/window_weights.h"
#include "kernels/base/bfloat16.h"
#include "kernels/base/safetensors.h"
#include "kernels/ops/draw_views.h"

namespace bragg::data {

/// The coarse row: one view on wide bins, whose lines are as wide as a bin and a half. As many bins as tensor cores take,
/// the last of them beyond the grid. Chosen by measurement (docs/measured.md, search).
inline constexpr std::int64_t fine_per_coarse_bin = 8, coarse_bins = 224;
inline constexpr std::size_t coarse_from_view = 2;       ///< the pattern's view that coarse bins are means of
inline constexpr DrawnView coarse_view{1.5, 1.78, 0.5};  ///< 0.60 to 0.71 degrees, the latter at bin 223

/// What is computed of the structures, on the host.
struct IndexTables {
  std::vector<std::uint32_t> line_offset;  ///< (structures + 1)
  std::vector<PackedLine> lines;
  std::vector<BFloat16> coarse;      ///< (structures, coarse_bins)
  std::vector<ElementSet> elements;  ///< (structures)
};

/// The same wherever they lie, as numbers; `lines` and `coarse` are their bits.
struct IndexTablesView {
  std::span<const std::uint32_t> line_offset, lines;
  std::span<const std::uint16_t> coarse;
  std::span<const std::uint64_t> elements;  ///< (structures, 2)
};
IndexTablesView view_of(const IndexTables&);

struct SearchIndex::Content {
  std::int64_t size = 0;
  std::int64_t lines = 0;
  std::vector<StructureKind> kind;
  std::vector<std::int32_t> name;
  std::vector<ElementSet> elements;
  Buffer line_offset;  ///< u32 (size + 1)
  Buffer packed;       ///< u32 (lines)
  Buffer coarse;       ///< bf16 (size, coarse_bins)
  mutable WindowWeights weights;
  bool from_cache = false;
  std::string not_cached_because;
};

/// The op that draws the rows of `coarse`, without memory.
DrawViewsProblem coarse_problem(std::int64_t rows, std::int64_t structures, std::int64_t lines);

/// The op that draws all views of candidates within a pattern's window, without memory.
DrawViewsProblem fine_problem(std::int64_t first_bin, std::int64_t end_bin, std::int64_t rows,
                              std::int64_t structures, std::int64_t lines);

/// Of all crystals; `threads` as ThreadPool.
IndexTables computed_tables(Backend&, const CrystalSource&, int threads);

/// The tables of a file of the cache; none where it is not there, is not whole or is of another number of structures.
class CachedTables {
 public:
  CachedTables(const std::filesystem::path&, std::int64_t structures);
  explicit operator bool() const { return file_.has_value(); }
  const IndexTablesView& view() const { return view_; }

 private:
  std::optional<SafetensorsFile> file_;
  IndexTablesView view_;  ///< in the mapped file
};
/// Throws Error as AtomicFile.
void write_tables(const std::filesystem::path&, const IndexTablesView&);
/// Of the file that write_tables makes, about.
std::uint64_t bytes_of(const IndexTablesView&);

}  // namespace bragg::data
