// Several libraries as one, in their order: what a search looks into.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "data/library/library.h"

namespace bragg::data {

class JoinedLibrary {
 public:
  /// Shares the libraries; none may be null. Without any it has no structure.
  explicit JoinedLibrary(std::vector<std::shared_ptr<const Library>> libraries);

  std::int64_t size() const { return first_.back(); }
  xrd::Crystal crystal(std::int64_t i) const;
  LibraryEntry entry(std::int64_t i) const;
  StructureKind kind(std::int64_t i) const;
  int space_group(std::int64_t i) const;
  /// Of the libraries' own, in their order; of a single one, its own.
  std::string content_hash() const;
  /// The crystals by number; keeps the libraries.
  CrystalSource crystals() const;
  const std::vector<std::shared_ptr<const Library>>& libraries() const { return libraries_; }

 private:
  struct Place {
    const Library& library;
    std::int64_t i;
  };
  /// Throws Error for a number out of range, with both.
  Place find(std::int64_t i) const;

  std::vector<std::shared_ptr<const Library>> libraries_;
  std::vector<std::int64_t> first_{0};  ///< one more than libraries
};

}  // namespace bragg::data
