// The library of known structures that a measured pattern is looked up in: crystals as facts with their
// source, compact enough to lie inside the program. library_writer.h writes it, library_build.h decides what
// goes in, docs/formats.md describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "data/library/structure_kind.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// Whom structures are from, and on what terms.
struct LibrarySource {
  std::string name;  ///< "AMCSD", "Materials Project"
  std::string
      licence_class;  ///< public-domain, citation, attribution, permissive, own, or what a user's table says
  std::string terms;  ///< "CC BY 4.0", "free with citation: Downs and Hall-Wallace 2003"

  bool operator==(const LibrarySource&) const = default;
};

/// What is known of a structure beside the crystal.
struct LibraryEntry {
  std::string title;     ///< its name, else its formula
  std::string name;      ///< mineral or common name; empty where its source gives none
  std::string formula;   ///< reduced_formula() of the crystal
  std::string entry;     ///< what the source calls it: "AMCSD 0000789", "mp-149"
  std::string citation;  ///< of the publication; may be empty
  LibrarySource source;
  StructureKind kind = StructureKind::experimental;
};

/// Elements by Hill's order with their numbers, per formula unit where the cell holds whole ones, else per
/// cell with at most 3 decimals: "Al2 O3", "Al1.03 K0.986 ...".
std::string reduced_formula(const xrd::Crystal&);
/// The same of atoms per formula unit.
std::string reduced_formula(const xrd::Composition&);

/// Reads crystals one by one from blocks that are unpacked when first needed; safe from several threads.
/// Opening reads and checks the settings, the sources and the list of blocks. Damage in a block is found when
/// it is unpacked. Everything throws Error "NAME: what is wrong", with both values.
class Library {
 public:
  /// Reads the whole file.
  explicit Library(const std::filesystem::path&);
  /// `bytes` must outlive the library; `name` stands in messages.
  Library(std::span<const std::byte> bytes, std::string name);
  ~Library();
  Library(Library&&) noexcept;
  Library& operator=(Library&&) noexcept;

  std::int64_t size() const;
  /// In the setting it was published in; positions are multiples of 1/30000 on their exact special
  /// positions, cells of 1e-5 A and 1e-4 degrees, occupancies of 1/30000, u_iso of 1e-4 A^2. Displacement
  /// tensors are their isotropic mean. Labels are made up: element and number.
  /// names: `mineral` or `common` is the name, `database_code` source and entry, and the citation.
  xrd::Crystal crystal(std::int64_t i) const;
  LibraryEntry entry(std::int64_t i) const;
  StructureKind kind(std::int64_t i) const;
  int space_group(std::int64_t i) const;  ///< 1..230

  /// Those that any structure is of.
  const std::vector<LibrarySource>& sources() const;
  /// 16 hexadecimal digits that say what structures these are, whatever the file is called. Costs nothing.
  std::string content_hash() const;
  const std::string& name() const;  ///< of the file

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The crystals of a library, which must outlive what is returned.
CrystalSource crystals_of(const Library&);

/// Whether the bytes begin as a library does.
bool looks_like_library(std::span<const std::byte> bytes);

}  // namespace bragg::data
