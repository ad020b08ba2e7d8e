#include "apps/evaluation/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/base/random.h"

namespace bragg::apps {
namespace {

constexpr std::uint32_t calibration_seed = 2;
constexpr double least_probability = 1e-9;

/// `order`: indices of the answers by ascending confidence.
template <typename IsRight>
double calibration_error(std::span<const double> confidence, std::span<const std::size_t> order,
                         IsRight is_right) {
  const std::size_t n = order.size(), bins = std::min<std::size_t>(calibration_bins, n);
  double error = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    double difference = 0;
    for (std::size_t i = n * bin / bins; i < n * (bin + 1) / bins; ++i)
      difference += confidence[order[i]] - (is_right(order[i]) ? 1 : 0);
    error += std::abs(difference);
  }
  return error / static_cast<double>(n);
}

}  // namespace

Calibration calibration_of(std::span<const double> confidence, std::span<const std::uint8_t> right,
                           std::span<const double> of_truth) {
  Calibration result;
  for (const double p : of_truth)
    result.nll -= std::log(std::max(p, least_probability)) / static_cast<double>(of_truth.size());
  std::vector<std::size_t> order(confidence.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return confidence[a] < confidence[b]; });
  result.ece = calibration_error(confidence, order, [&](std::size_t i) { return right[i] != 0; });

  std::vector<double> by_chance;
  for (int draw = 0; draw < calibration_draws; ++draw) {
    by_chance.push_back(calibration_error(confidence, order, [&](std::size_t i) {
      const auto bits = random_call(calibration_seed, RandomStream::split, static_cast<std::uint32_t>(i / 4),
                                    0, static_cast<std::uint64_t>(draw));
      return uniform01(bits[i % 4]) < confidence[i];
    }));
  }
  std::sort(by_chance.begin(), by_chance.end());
  const auto at = [&](double q) {
    return by_chance[static_cast<std::size_t>(q * (calibration_draws - 1) + 0.5)];
  };
  result.low = at(0.05);
  result.high = at(0.95);
  return result;
}

}  // namespace bragg::apps
