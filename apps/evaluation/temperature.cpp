#include "apps/evaluation/temperature.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "apps/evaluation/folds.h"

namespace bragg::apps {
namespace {

constexpr double least_probability = 1e-9;

std::vector<double> logarithms(std::span<const double> probabilities) {
  std::vector<double> logs;
  for (const double p : probabilities)
    logs.push_back(std::log(std::max(p, least_probability)));
  return logs;
}

/// ln of the sum of p^sharpness, where the largest ln p is `largest`.
double log_sum(std::span<const double> logs, double largest, double sharpness) {
  double sum = 0;
  for (const double one : logs)
    sum += std::exp((one - largest) * sharpness);
  return std::log(sum) + largest * sharpness;
}

}  // namespace

std::vector<double> at_temperature(std::span<const double> probabilities, double temperature) {
  std::vector<double> logs = logarithms(probabilities);
  const double norm = log_sum(logs, *std::max_element(logs.begin(), logs.end()), 1 / temperature);
  for (double& one : logs)
    one = std::exp(one / temperature - norm);
  return logs;
}

double fitted_temperature(const ProbabilityRows& all, std::span<const std::size_t> rows) {
  std::vector<std::vector<double>> logs;
  std::vector<double> largest;
  for (const std::size_t row : rows) {
    logs.push_back(logarithms(all.probabilities[row]));
    largest.push_back(*std::max_element(logs.back().begin(), logs.back().end()));
  }
  const auto loss = [&](double log_temperature) {
    const double sharpness = std::exp(-log_temperature);
    double sum = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      sum += log_sum(logs[i], largest[i], sharpness) -
             sharpness * logs[i][static_cast<std::size_t>(all.truth[rows[i]])];
    return sum;
  };
  // The loss is convex in 1/T and so has one minimum in ln T: golden sections.
  constexpr double ratio = std::numbers::phi - 1;
  double low = std::log(lowest_temperature), high = std::log(highest_temperature);
  double left = high - ratio * (high - low), right = low + ratio * (high - low);
  double at_left = loss(left), at_right = loss(right);
  while (high - low > 1e-3) {
    if (at_left <= at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - ratio * (high - low);
      at_left = loss(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + ratio * (high - low);
      at_right = loss(right);
    }
  }
  return std::exp((low + high) / 2);
}

CrossFitted cross_fitted(const ProbabilityRows& all, std::span<const std::int32_t> group) {
  CrossFitted result;
  const int groups = static_cast<int>(std::set<std::int32_t>(group.begin(), group.end()).size());
  if (groups < 2) return result;
  const int folds = std::min(temperature_folds, groups);
  const std::vector<int> fold_of = folds_of(group, folds);
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < fold_of.size(); ++i) {
      if (fold_of[i] != fold) others.push_back(i);
    }
    result.temperatures.push_back(fitted_temperature(all, others));
  }
  result.rows.truth = all.truth;
  for (std::size_t i = 0; i < fold_of.size(); ++i)
    result.rows.probabilities.push_back(
        at_temperature(all.probabilities[i], result.temperatures[static_cast<std::size_t>(fold_of[i])]));
  return result;
}

}  // namespace bragg::apps
