// Patterns on one grid in memory, before they become a set on disk or are looked at as one (pattern_set.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/crystal/instrument.h"

namespace bragg::data {

class PatternRows {
 public:
  explicit PatternRows(const Instrument& instrument) : instrument_(instrument) {}

  /// One more pattern of the grid's length, maximum 1; its space group (1..230) and group are known, or of no pattern.
  /// Throws Error naming the pattern where its length is another one or a value is not finite, and where others are
  /// labelled and this one is not.
  void add(std::string name, std::vector<float> values);
  void add(std::string name, std::vector<float> values, int space_group, std::int32_t group);

  std::int64_t size() const { return std::ssize(names_); }
  const Instrument& instrument() const { return instrument_; }
  const std::vector<float>& values() const { return values_; }  ///< (size, points), one behind the other
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<int>& space_group() const { return space_group_; }  ///< empty: no labels
  const std::vector<std::int32_t>& group() const { return group_; }     ///< of the same length
  /// As a set on disk, 1000 high, atomically.
  void write(const std::filesystem::path&) const;

 private:
  Instrument instrument_;
  std::vector<float> values_;
  std::vector<std::string> names_;
  std::vector<int> space_group_;
  std::vector<std::int32_t> group_;
};

}  // namespace bragg::data
