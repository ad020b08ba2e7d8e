// A set of crystals on disk: one safetensors file, mapped. The tensors are documented in README ("File formats").
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/problems.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// Reads crystals one by one from the mapped file.
class CrystalSet {
 public:
  explicit CrystalSet(const std::filesystem::path&);
  ~CrystalSet();
  CrystalSet(CrystalSet&&) noexcept;
  CrystalSet& operator=(CrystalSet&&) noexcept;

  std::int64_t size() const;
  xrd::Crystal crystal(std::int64_t i) const;
  int space_group(std::int64_t i) const;
  /// Hash of the file's content that decides what crystals these are; names recipes' outputs and models' training sets.
  std::string content_hash() const;
  const std::filesystem::path& path() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes a set, atomically.
class CrystalSetWriter {
 public:
  CrystalSetWriter();
  ~CrystalSetWriter();
  void add(const xrd::Crystal&);
  std::int64_t size() const;
  void write(const std::filesystem::path&) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bragg::data
