#include "apps/report/scan_plot.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/report/svg.h"

namespace bragg::apps::report {
namespace {

/// The colours of a picture that stands alone, light and dark.
constexpr std::string_view style = R"(<style>
svg { background: #ffffff; font: 11px sans-serif; }
text { fill: #1b2430; } .tick, .axis-label { fill: #5b6675; }
.axis { stroke: #8b95a3; stroke-width: 1; } .grid { stroke: #dfe3e8; stroke-width: 1; }
.trace { fill: none; stroke: #1f5fa8; stroke-width: 0.9; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
  svg { background: #181e26; } text { fill: #e7eaef; } .tick, .axis-label { fill: #a0aab8; }
  .axis { stroke: #7d8897; } .grid { stroke: #2d3540; } .trace { stroke: #74aeee; }
}
</style>
)";

/// A range that is not empty.
std::pair<double, double> range_of(std::span<const double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high > *low ? *high : *low + 1};
}

/// Where `value` lies between `low` and `high`, 0..1; halves, so that no span is beyond a double.
double share_of(double value, double low, double high) {
  const double share = (value / 2 - low / 2) / (high / 2 - low / 2);
  return share > 0 ? std::min(share, 1.0) : 0;
}

/// Lowest and highest value of every half unit of the picture: peaks survive, and the file stays small.
std::vector<Point> thinned(const PlottedScan& scan, const Axis& x, const Axis& y) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < scan.x.size();) {
    const double column = std::floor(x(scan.x[i]) * 2);
    std::size_t low = i, high = i, end = i;
    for (; end < scan.x.size() && std::floor(x(scan.x[end]) * 2) == column; ++end) {
      if (scan.intensity[end] < scan.intensity[low]) low = end;
      if (scan.intensity[end] > scan.intensity[high]) high = end;
    }
    const auto add = [&](std::size_t k) { points.push_back({x(scan.x[k]), y(scan.intensity[k])}); };
    add(std::min(low, high));
    if (low != high) add(std::max(low, high));
    i = std::max(end, i + 1);
  }
  return points;
}

}  // namespace

std::string scan_svg(const PlottedScan& scan) {
  constexpr double left = 62, right = 888, top = 28, bottom = 360;
  Svg svg(900, 400, scan.title);
  const auto [first, last] = range_of(scan.x);
  const auto [lowest, highest] = range_of(scan.intensity);
  const Axis x(first, last, left, right), y(std::min(lowest, 0.0), highest, bottom, top);
  svg.text({left, 16}, scan.title, "name");
  for (const double tick : y.ticks(5))
    svg.line({left, y(tick)}, {right, y(tick)}, {.style = "grid"});
  svg.polyline(thinned(scan, x, y), {.style = "trace"});
  draw_horizontal(svg, x, bottom, scan.axis, 8);
  draw_vertical(svg, y, left, "intensity", 5);
  std::string text = svg.str();
  const std::size_t name_end = std::string_view("<svg").size();
  text.insert(name_end, R"( xmlns="http://www.w3.org/2000/svg" width="900" height="400")");
  text.insert(text.find('\n') + 1, style);
  return text;
}

std::string scan_text_plot(const PlottedScan& scan, int columns, int rows) {
  const auto [first, last] = range_of(scan.x);
  const auto [lowest, highest] = range_of(scan.intensity);
  const double base = std::min(lowest, 0.0);
  columns = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(columns), scan.x.size()));
  std::vector<double> height(static_cast<std::size_t>(columns), NAN);
  for (std::size_t i = 0; i < scan.x.size(); ++i) {
    const double place = share_of(scan.x[i], first, last) * columns;
    double& column = height[static_cast<std::size_t>(std::min(place, columns - 1.0))];
    if (std::isnan(column) || scan.intensity[i] > column) column = scan.intensity[i];
  }
  constexpr std::string_view eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string text;
  for (int row = rows; row-- > 0;) {
    std::string line;
    for (const double value : height) {
      const double filled = std::isnan(value) ? 0 : share_of(value, base, highest) * rows * 8;
      line += eighths[std::clamp(static_cast<int>(std::lround(filled)) - row * 8, 0, 8)];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    const std::string label = row == rows - 1 ? fmt::format("{:.4g}", highest)
                              : row == 0      ? fmt::format("{:.4g}", base)
                                              : "";
    text += fmt::format("{:>9} │{}\n", label, line);
  }
  const std::string begin = fmt::format("{:.6g}", first);
  text += fmt::format("{:>9} └", "");
  for (int i = 0; i < columns; ++i)
    text += "─";
  return text +
         fmt::format("\n{:>11}{}{:>{}}\n", "", begin, fmt::format("{:.6g}", last),
                     std::max(columns - static_cast<int>(begin.size()), 1)) +
         fmt::format("{:>11}{}\n", "", scan.axis);
}

}  // namespace bragg::apps::report
