#include "data/formats/scan_corrections.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// Counting times that differ by less are one: clocks of detectors jitter.
constexpr double same_time = 1e-3;

void check_factors(const Scan& scan, std::span<const double> factors, const char* what) {
  if (factors.size() != scan.intensity.size())
    throw Error(fmt::format("{} {} for {} intensities", factors.size(), what, scan.intensity.size()));
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (!(factors[i] > 0) || !std::isfinite(factors[i]))
      throw Error(fmt::format("number {} of the {} is {}, not positive", i + 1, what, factors[i]));
  }
}

bool are_one(std::span<const double> factors) {
  return std::all_of(factors.begin(), factors.end(), [](double f) { return f == 1; });
}

std::string range_of(std::span<const double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low == *high ? fmt::format("{:.6g}", *low) : fmt::format("{:.6g} to {:.6g}", *low, *high);
}

}  // namespace

void give_counts_their_uncertainty(Scan& scan) {
  if (!scan.uncertainty.empty() || scan.unit != IntensityUnit::counts) return;
  for (const double counts : scan.intensity)
    scan.uncertainty.push_back(std::sqrt(std::max(counts, 1.0)));
}

void note_unstated_slits(Scan& scan) {
  if (scan.slits != SlitMode::unknown || scan.other_axis) return;
  scan.notes.push_back(
      {"slits", "taken for fixed ones: the file does not say whether they were automatic", ""});
}

void apply_attenuation(Scan& scan, std::span<const double> factors, const std::string& from) {
  check_factors(scan, factors, "attenuation factors");
  scan.attenuation = factors.empty() ? 1 : *std::max_element(factors.begin(), factors.end());
  if (are_one(factors)) return;
  give_counts_their_uncertainty(scan);
  for (std::size_t i = 0; i < factors.size(); ++i) {
    scan.intensity[i] *= factors[i];
    if (!scan.uncertainty.empty()) scan.uncertainty[i] *= factors[i];
  }
  scan.notes.push_back(
      {"attenuator", fmt::format("intensities multiplied by the attenuator's factors, {}", range_of(factors)),
       from});
}

void note_attenuation(Scan& scan, std::span<const double> factors, const std::string& from) {
  check_factors(scan, factors, "attenuation factors");
  scan.attenuation = factors.empty() ? 1 : *std::max_element(factors.begin(), factors.end());
  if (are_one(factors)) return;
  if (scan.uncertainty.empty() && scan.unit == IntensityUnit::counts) {
    for (std::size_t i = 0; i < factors.size(); ++i)
      scan.uncertainty.push_back(factors[i] * std::sqrt(std::max(scan.intensity[i] / factors[i], 1.0)));
  }
  scan.notes.push_back(
      {"attenuator",
       fmt::format("the file's intensities are multiplied by the attenuator's factors, {}, already",
                   range_of(factors)),
       from});
}

void apply_counting_times(Scan& scan, std::span<const double> seconds, const std::string& from) {
  check_factors(scan, seconds, "counting times");
  if (seconds.empty()) return;
  const auto [low, high] = std::minmax_element(seconds.begin(), seconds.end());
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  scan.counting_time = *low == *high ? *low : sum / static_cast<double>(seconds.size());
  if (*high - *low <= same_time * *high || scan.unit == IntensityUnit::counts_per_second) return;
  give_counts_their_uncertainty(scan);
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    scan.intensity[i] /= seconds[i];
    if (!scan.uncertainty.empty()) scan.uncertainty[i] /= seconds[i];
  }
  if (scan.unit == IntensityUnit::counts) scan.unit = IntensityUnit::counts_per_second;
  scan.notes.push_back(
      {"counting_time",
       fmt::format("intensities divided by the counting time, which varies: {} s", range_of(seconds)), from});
}

void convert_automatic_slits(Scan& scan, const std::string& which, const std::string& from) {
  scan.slits = SlitMode::automatic;
  if (scan.other_axis) return;
  give_counts_their_uncertainty(scan);
  for (std::size_t i = 0; i < scan.x.size(); ++i) {
    if (!(scan.x[i] > 0)) {
      throw Error(fmt::format("2 theta {} with automatic slits, which can't be converted to fixed ones there",
                              scan.x[i]));
    }
    const double sine = std::sin(scan.x[i] * std::numbers::pi / 360);
    scan.intensity[i] /= sine;
    if (!scan.uncertainty.empty()) scan.uncertainty[i] /= sine;
  }
  scan.unit = IntensityUnit::arbitrary;
  scan.notes.push_back(
      {"slits", fmt::format("{} converted to fixed ones: intensities divided by sin(theta)", which), from});
}

}  // namespace bragg::data
