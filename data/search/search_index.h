// The library as the search reads it: for each structure its lines and one coarse row of its drawn pattern. In
// device memory, computed once and kept in the user's cache folder.
//
// It doesn't depend on the pattern's instrument. Structures are drawn on the search's own grid (pattern_views.h), to
// which patterns of any wavelength and range are brought; a pattern's range and scales are dealt with at its
// side.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "data/search/search_cache.h"
#include "data/search/search_library.h"
#include "kernels/backend.h"

namespace bragg::data {

/// Atomic numbers 1..127 as bits.
struct ElementSet {
  std::array<std::uint64_t, 2> bits{};

  void add(int atomic_number) { bits[word(atomic_number)] |= bit(atomic_number); }
  bool has(int atomic_number) const { return (bits[word(atomic_number)] & bit(atomic_number)) != 0; }
  bool is_empty() const { return (bits[0] | bits[1]) == 0; }
  bool is_subset_of(const ElementSet& other) const {
    return (bits[0] & ~other.bits[0]) == 0 && (bits[1] & ~other.bits[1]) == 0;
  }
  bool shares_any_with(const ElementSet& other) const {
    return ((bits[0] & other.bits[0]) | (bits[1] & other.bits[1])) != 0;
  }
  ElementSet shared_with(const ElementSet& other) const {
    return {{bits[0] & other.bits[0], bits[1] & other.bits[1]}};
  }
  ElementSet without(const ElementSet& other) const {
    return {{bits[0] & ~other.bits[0], bits[1] & ~other.bits[1]}};
  }
  ElementSet united(const ElementSet& other) const {
    return {{bits[0] | other.bits[0], bits[1] | other.bits[1]}};
  }
  bool operator==(const ElementSet&) const = default;

 private:
  static std::size_t word(int z) { return static_cast<std::size_t>(z) / 64; }
  static std::uint64_t bit(int z) { return std::uint64_t{1} << (z % 64); }
};

class SearchIndex {
 public:
  /// Reads the index from the cache, or computes it and puts it there. A cache that can't be read or written is no
  /// failure; a damaged file is computed anew. Crystals are called for from one thread, in order.
  /// `threads`: that make lines of reflections, 0: all. Throws UsageError as validate(), and what crystals throw.
  SearchIndex(Backend&, const SearchLibrary&, const SearchCache& = {}, int threads = 0);
  ~SearchIndex();
  SearchIndex(SearchIndex&&) noexcept;
  SearchIndex& operator=(SearchIndex&&) noexcept;

  std::int64_t size() const;  ///< structures
  StructureKind kind(std::int64_t structure) const;
  std::int32_t name(std::int64_t structure) const;  ///< as SearchLibrary::name; the structure itself without
  const ElementSet& elements(std::int64_t structure) const;
  bool came_from_cache() const;
  /// Why nothing was written to the cache; empty where it was, or was not to be.
  const std::string& not_cached_because() const;
  std::size_t bytes() const;  ///< of device memory

  struct Content;
  const Content& content() const { return *content_; }  ///< for search.cpp

 private:
  std::unique_ptr<Content> content_;
};

}  // namespace bragg::data
