// An index's tables as a file of the cache: safetensors,
//   line_offset u32 (structures + 1), lines u32 (lines): PackedLine, coarse u16 (structures, coarse_bins): bits of
//   bfloat16, elements u64 (structures, 2).
#include <algorithm>

#include "data/search/index_content.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

template <typename To, typename From>
std::span<const To> seen_as(std::span<const From> numbers) {
  return {reinterpret_cast<const To*>(numbers.data()), numbers.size_bytes() / sizeof(To)};
}

bool is_whole(const IndexTablesView& tables, std::int64_t structures) {
  const std::span<const std::uint32_t> offset = tables.line_offset;
  return std::ssize(offset) == structures + 1 && offset.front() == 0 &&
         offset.back() == tables.lines.size() && std::is_sorted(offset.begin(), offset.end()) &&
         std::ssize(tables.coarse) == structures * coarse_bins &&
         std::ssize(tables.elements) == structures * 2;
}

}  // namespace

IndexTablesView view_of(const IndexTables& tables) {
  return {.line_offset = tables.line_offset,
          .lines = seen_as<std::uint32_t>(std::span<const PackedLine>(tables.lines)),
          .coarse = seen_as<std::uint16_t>(std::span<const BFloat16>(tables.coarse)),
          .elements = seen_as<std::uint64_t>(std::span<const ElementSet>(tables.elements))};
}

CachedTables::CachedTables(const std::filesystem::path& path, std::int64_t structures) {
  std::error_code error;
  if (path.empty() || !std::filesystem::is_regular_file(path, error)) return;
  try {
    SafetensorsFile file(path);
    const IndexTablesView view{.line_offset = file.data<std::uint32_t>("line_offset", 1),
                               .lines = file.data<std::uint32_t>("lines", 1),
                               .coarse = file.data<std::uint16_t>("coarse", 2),
                               .elements = file.data<std::uint64_t>("elements", 2)};
    if (!is_whole(view, structures)) return;
    file_.emplace(std::move(file));
    view_ = view;
  } catch (const Error&) {
    // A file that can't be read is computed anew and written over.
  }
}

void write_tables(const std::filesystem::path& path, const IndexTablesView& tables) {
  const std::int64_t structures = std::ssize(tables.elements) / 2;
  SafetensorsWriter writer;
  writer.metadata("content", "search index");
  writer.add("line_offset", {structures + 1}, tables.line_offset);
  writer.add("lines", {std::ssize(tables.lines)}, tables.lines);
  writer.add("coarse", {structures, coarse_bins}, tables.coarse);
  writer.add("elements", {structures, 2}, tables.elements);
  writer.write(path);
}

std::uint64_t bytes_of(const IndexTablesView& tables) {
  constexpr std::uint64_t header = 1024;
  return header + tables.line_offset.size_bytes() + tables.lines.size_bytes() + tables.coarse.size_bytes() +
         tables.elements.size_bytes();
}

}  // namespace bragg::data
