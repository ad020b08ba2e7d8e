#include "data/search/explained_lines.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bragg::data {
namespace {

/// The measured line nearest to a position, where one is near enough; else the number of lines.
std::size_t line_at(std::span<const BraggLine> measured, double two_theta) {
  const auto above = std::lower_bound(measured.begin(), measured.end(), two_theta,
                                      [](const BraggLine& line, double at) { return line.two_theta < at; });
  const auto index = static_cast<std::size_t>(above - measured.begin());
  std::size_t nearest = measured.size();
  double distance = std::numeric_limits<double>::infinity();
  for (std::size_t i = index == 0 ? 0 : index - 1; i <= index && i < measured.size(); ++i) {
    const double apart = std::abs(measured[i].two_theta - two_theta);
    if (apart > std::max(same_line_distance, measured[i].width / 2) || apart >= distance) continue;
    distance = apart;
    nearest = i;
  }
  return nearest;
}

}  // namespace

std::vector<double> explained_parts(std::span<const BraggLine> measured,
                                    std::span<const CalculatedLine> calculated) {
  std::vector<double> intensity(measured.size(), 0.0), parts(measured.size(), 0.0);
  for (const CalculatedLine& line : calculated) {
    const std::size_t i = line_at(measured, line.two_theta);
    if (i < measured.size()) intensity[i] += line.intensity;
  }
  double heights = 0, intensities = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    if (intensity[i] <= 0) continue;
    heights += measured[i].height;
    intensities += intensity[i];
  }
  if (intensities <= 0) return parts;
  const double scale = heights / intensities;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    if (measured[i].height > 0)
      parts[i] = std::min(1.0, strongest_texture * scale * intensity[i] / measured[i].height);
  }
  return parts;
}

double explained_share(std::span<const BraggLine> measured, std::span<const double> parts) {
  double explained = 0, all = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    explained += parts[i] * std::max(0.0, measured[i].height);
    all += std::max(0.0, measured[i].height);
  }
  return all > 0 ? explained / all : 0;
}

}  // namespace bragg::data
