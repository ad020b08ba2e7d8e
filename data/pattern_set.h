// A set of patterns on disk: safetensors with `patterns` (n, points) f32 or u16 and, where known, `space_group` i32 (n)
// and `group` i32 (n); metadata two_theta_start, two_theta_step, wavelength.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kernels/problems.h"
#include "kernels/safetensors.h"

namespace bragg::data {

class PatternSet {
 public:
  explicit PatternSet(const std::filesystem::path&);

  std::int64_t size() const;
  const TwoThetaGrid& grid() const;
  double wavelength() const;
  /// Pattern i scaled to maximum 1; all zeros stay zero.
  std::vector<float> pattern(std::int64_t i) const;
  bool has_labels() const;
  int space_group(std::int64_t i) const;      ///< 1..230
  std::int32_t group(std::int64_t i) const;   ///< patterns of one group are near-identical; i itself where unknown
  std::string name(std::int64_t i) const;     ///< empty where unknown

 private:
  SafetensorsFile file_;
  TwoThetaGrid grid_;
  double wavelength_;
};

}  // namespace bragg::data
