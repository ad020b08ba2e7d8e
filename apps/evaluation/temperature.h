// Probabilities made more or less sure by one number: p^(1/T), scaled to add up to 1 (Guo et al., ICML 2017).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bragg::apps {

/// Probabilities of the classes of each answer, and the class that is true.
struct ProbabilityRows {
  std::vector<std::vector<double>> probabilities;
  std::vector<int> truth;
};

inline constexpr double lowest_temperature = 0.05, highest_temperature = 20;

/// Probabilities below 1e-9 count as that.
std::vector<double> at_temperature(std::span<const double> probabilities, double temperature);
/// That of the least mean of -ln p(true class) over the answers `rows`, between the lowest and the highest.
double fitted_temperature(const ProbabilityRows&, std::span<const std::size_t> rows);

inline constexpr int temperature_folds = 5;
struct CrossFitted {
  std::vector<double>
      temperatures;      ///< of the folds, each fitted to the groups of the others; empty: one group alone
  ProbabilityRows rows;  ///< each answer at the temperature of its fold
};
CrossFitted cross_fitted(const ProbabilityRows&, std::span<const std::int32_t> group);

}  // namespace bragg::apps
