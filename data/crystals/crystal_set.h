// A set of crystals on disk: one safetensors file, mapped.
//
// n crystals, m sites, s distinct settings, p operators of all settings, k anisotropic tensors. Where
// something owns a run of rows of another tensor, `X_offset` has one entry more than owners: owner i has rows
// offset[i] .. offset[i + 1] - 1. Text is UTF-8, all strings of a kind end to end.
//
//   cell                  f64 (n, 6)   a, b, c in A; alpha, beta, gamma in degrees
//   space_group           i32 (n)      1..230
//   space_group_declared  i32 (n)      what the file declares; absent in older sets: the same
//   setting               i32 (n)      row of the setting_* tensors
//   name, name_offset     u8 (bytes), u64 (n + 1)     the CIF's block
//   site_offset           u64 (n + 1)
//   site_position         f64 (m, 3)   fractional
//   site_occupancy        f64 (m)      chemical, 0..1
//   site_u_iso            f64 (m)      A^2
//   site_multiplicity     i32 (m)      distinct positions in the cell
//   site_atomic_number    u8 (m)       1..98
//   site_charge           i16 (m)
//   site_u_aniso          i32 (m)      row of u_aniso, -1: none
//   site_label, site_label_offset      u8 (bytes), u64 (m + 1)
//   u_aniso               f64 (k, 6)   U11 U22 U33 U23 U13 U12, A^2
//   setting_hm, setting_hm_offset      u8 (bytes), u64 (s + 1)
//   setting_hall, setting_hall_offset  u8 (bytes), u64 (s + 1)
//   operator_offset       u64 (s + 1)
//   operator_rotation     i16 (p, 9)   row-major
//   operator_translation  i16 (p, 3)   in 1/24
//   mineral, mineral_offset ...        u8 (bytes), u64 (n + 1)     of every one of xrd::crystal_name_fields;
//                                      absent where no crystal has one, and in sets of older versions
//
// Metadata: content = "crystals", format_version = "1".
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// Written into every set. An unknown one is an Error when reading.
inline constexpr int crystal_set_format_version = 1;

/// Reads crystals one by one from the mapped file. The file's structure (shapes, offsets, indices) is checked
/// when it is opened, a crystal's numbers when it is read; both throw Error naming the file, the tensor and
/// the value. Reading is safe from several threads.
class CrystalSet {
 public:
  explicit CrystalSet(const std::filesystem::path&);
  ~CrystalSet();
  CrystalSet(CrystalSet&&) noexcept;
  CrystalSet& operator=(CrystalSet&&) noexcept;

  std::int64_t size() const;
  xrd::Crystal crystal(std::int64_t i) const;
  std::string name(std::int64_t i) const;
  int space_group(std::int64_t i) const;
  /// Hash of all tensors: 16 hexadecimal digits that say what crystals these are, whatever the file is
  /// called. Reads the whole file.
  std::string content_hash() const;
  const std::filesystem::path& path() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The crystals of several sets, one set after the other; they must outlive what is returned.
CrystalSource crystals_of(const std::vector<const CrystalSet*>& sets);

/// Whether the file says of itself that it is a crystal set (otherwise it may be patterns or a model).
bool is_crystal_set(const std::filesystem::path&);

/// Collects crystals and writes them as a set, atomically.
class CrystalSetWriter {
 public:
  CrystalSetWriter();
  ~CrystalSetWriter();
  void add(const xrd::Crystal&);
  std::int64_t size() const;
  /// Of the tensors, as write() writes them.
  std::size_t bytes() const;
  void write(const std::filesystem::path&) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bragg::data
