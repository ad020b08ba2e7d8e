#include "data/search/search_index.h"

#include <filesystem>

#include <fmt/format.h>

#include "data/search/index_content.h"
#include "data/upload.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// Changes whenever the tables of the same structures do: formulas, grid, views, layout.
constexpr int index_version = 1;

std::string key_of(const SearchLibrary& library) {
  const std::string hash =
      library.content_hash.empty() ? content_hash_of(library.crystals) : library.content_hash;
  return fmt::format("v{}-{}", index_version, hash);
}

/// Why it was not kept; empty where it was.
std::string keep(const SearchCache& cache, const std::filesystem::path& path, const IndexTablesView& tables) {
  if (!make_room(cache, bytes_of(tables)))
    return fmt::format("{}: {} bytes do not fit into the cache of {}", path.string(), bytes_of(tables),
                       cache.most_bytes);
  try {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return fmt::format("{}: {}", path.parent_path().string(), error.message());
    write_tables(path, tables);
  } catch (const Error& problem) {
    return problem.what();
  }
  return {};
}

}  // namespace

SearchIndex::SearchIndex(Backend& backend, const SearchLibrary& library, const SearchCache& cache,
                         int threads)
    : content_(std::make_unique<Content>()) {
  validate(library);
  Content& content = *content_;
  content.size = library.crystals.size;
  content.kind = library.kind;
  content.name = library.name;
  const bool caches = !folder_of(cache).empty();
  const std::filesystem::path path = caches ? cached_file(cache, key_of(library)) : "";
  const CachedTables cached(path, content.size);
  IndexTables computed;
  IndexTablesView tables = cached.view();
  content.from_cache = static_cast<bool>(cached);
  if (content.from_cache) {
    mark_used(path);
  } else {
    computed = computed_tables(backend, library.crystals, threads);
    tables = view_of(computed);
    if (caches) content.not_cached_because = keep(cache, path, tables);
  }
  content.lines = std::ssize(tables.lines);
  for (std::size_t i = 0; i < tables.elements.size(); i += 2)
    content.elements.push_back({{tables.elements[i], tables.elements[i + 1]}});
  content.line_offset = uploaded(backend, tables.line_offset);
  content.packed = uploaded(backend, tables.lines);
  content.coarse = uploaded(backend, tables.coarse);
  backend.synchronize();  // before the tables go
}

SearchIndex::~SearchIndex() = default;
SearchIndex::SearchIndex(SearchIndex&&) noexcept = default;
SearchIndex& SearchIndex::operator=(SearchIndex&&) noexcept = default;

std::int64_t SearchIndex::size() const {
  return content_->size;
}

StructureKind SearchIndex::kind(std::int64_t structure) const {
  return content_->kind[static_cast<std::size_t>(structure)];
}

std::int32_t SearchIndex::name(std::int64_t structure) const {
  return content_->name.empty() ? static_cast<std::int32_t>(structure)
                                : content_->name[static_cast<std::size_t>(structure)];
}

const ElementSet& SearchIndex::elements(std::int64_t structure) const {
  return content_->elements[static_cast<std::size_t>(structure)];
}

bool SearchIndex::came_from_cache() const {
  return content_->from_cache;
}

const std::string& SearchIndex::not_cached_because() const {
  return content_->not_cached_because;
}

std::size_t SearchIndex::bytes() const {
  return content_->line_offset.bytes() + content_->packed.bytes() + content_->coarse.bytes();
}

}  // namespace bragg::data
