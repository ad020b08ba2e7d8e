// Standard uncertainties of refined parameters, and of what is made of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bragg::data {

/// The covariance of a model's parameters.
class FitCovariance {
 public:
  /// The inverse of `curvature` (size, size), half the second derivatives of what was minimised. Parameters of which `is_moved`
  /// is false have no uncertainty, nor have those that nothing changes with.
  FitCovariance(std::span<const double> curvature, std::int64_t size, const std::vector<bool>& is_moved);

  std::int64_t parameters() const { return static_cast<std::int64_t>(moved_.size()); }  ///< that have one
  double uncertainty(std::int64_t parameter) const;
  /// Of a sum of parameters with weights.
  double uncertainty(std::span<const std::int64_t> parameter, std::span<const double> derivative) const;

 private:
  double at(std::int64_t a, std::int64_t b) const {
    return covariance_[static_cast<std::size_t>(a * size_ + b)];
  }

  std::int64_t size_;
  std::vector<std::int64_t> moved_;
  std::vector<double> covariance_;  ///< (size, size)
};

}  // namespace bragg::data
