// Writes the library of structures that library.h reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/library/library.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// Collects crystals, in this order, and writes them as a library, atomically.
class LibraryWriter {
 public:
  LibraryWriter();
  ~LibraryWriter();
  /// Takes name, entry, citation, source and kind of the entry; title and formula follow from the crystal.
  /// The name is a mineral's where the crystal has a mineral name. Throws Error naming the entry for what the
  /// format can't hold: an edge above 10,000 A, a site's multiplicity that does not divide the operators', a
  /// charge or occupancy out of range, texts above 65,535 bytes.
  void add(const xrd::Crystal&, const LibraryEntry&);
  std::int64_t size() const;
  /// The file's bytes: the same for the same crystals, whatever machine (but for zlib's version).
  std::string bytes() const;
  void write(const std::filesystem::path&) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bragg::data
