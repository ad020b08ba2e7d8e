#include "apps/report/plots.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "apps/report/svg.h"
#include "nn/evaluation.h"

namespace bragg::apps::report {
namespace {

/// Largest and smallest value of every half unit of the picture: peaks survive, 8500 points become a few
/// hundred.
std::vector<Point> thinned(std::span<const float> values, const TwoThetaGrid& grid, const Axis& x,
                           const Axis& y) {
  std::vector<Point> points;
  const auto at = [&](std::size_t i) {
    return Point{x(grid.at(static_cast<std::int64_t>(i))), y(values[i])};
  };
  for (std::size_t i = 0; i < values.size();) {
    const double column = std::floor(at(i).x * 2);
    std::size_t low = i, high = i, end = i;
    for (; end < values.size() && std::floor(at(end).x * 2) == column; ++end) {
      if (values[end] < values[low]) low = end;
      if (values[end] > values[high]) high = end;
    }
    points.push_back(at(std::min(low, high)));
    if (low != high) points.push_back(at(std::max(low, high)));
    i = end;
  }
  return points;
}

}  // namespace

std::string pattern_plot(std::span<const float> values, std::span<const float> other,
                         const TwoThetaGrid& grid, std::string_view label) {
  const double below = other.empty() ? 0 : 44;
  Svg svg(340, 138 + below, label);
  constexpr double left = 26;
  const Axis x(grid.start, grid.end(), left, 332), y(0, 1, 104, 6);
  for (const double share : {0.0, 0.5, 1.0}) {
    svg.line({left - 3, y(share)}, {left, y(share)}, {.style = "axis"});
    svg.text({left - 5, y(share) + 3.5}, fmt::format("{}", share), "tick", Anchor::end);
  }
  for (const double tick : x.ticks(5))
    svg.line({x(tick), 6}, {x(tick), 104 + below}, {.style = "grid"});
  if (!other.empty()) {
    const Axis down(0, 1, 104, 104 + below - 4);
    svg.polyline(thinned(other, grid, x, down), {.style = "other-trace"});
  }
  svg.polyline(thinned(values, grid, x, y), {.style = "trace"});
  if (!other.empty()) svg.line({left, 104}, {332, 104}, {.style = "axis"});
  draw_horizontal(svg, x, 104 + below, "2\xCE\xB8, degrees", 5);
  return svg.str();
}

std::string rate_plot(std::span<const RateRow> rows, std::string_view label) {
  constexpr double left = 250, right = 700, row_height = 27;
  const double bottom = 8 + row_height * static_cast<double>(rows.size());
  Svg svg(760, bottom + 36, label);
  const Axis x(0, 100, left, right);
  for (const double tick : x.ticks(5))
    svg.line({x(tick), 4}, {x(tick), bottom}, {.style = "grid"});
  double y = 8 + row_height / 2;
  for (const RateRow& row : rows) {
    const std::string title = fmt::format("{}: {:.1f} %, 95 % interval {:.1f}..{:.1f} %", row.name,
                                          100 * row.rate.value, 100 * row.rate.low, 100 * row.rate.high);
    svg.text({left - 12, y + 4}, row.name, row.baseline ? "name" : "strong", Anchor::end);
    svg.line({x(100 * row.rate.low), y}, {x(100 * row.rate.high), y},
             {.style = row.baseline ? "baseline-interval" : "interval", .opacity = 0.6});
    svg.circle({x(100 * row.rate.value), y}, 5,
               {.style = row.baseline ? "baseline" : "model", .title = title});
    svg.text({right + 14, y + 4}, fmt::format("{:.1f} %", 100 * row.rate.value),
             row.baseline ? "name" : "strong");
    y += row_height;
  }
  draw_horizontal(svg, x, bottom, "right answers, %", 5);
  return svg.str();
}

std::string confusion_plot(std::span<const std::string> names, std::span<const std::string> columns,
                           std::span<const std::int64_t> counts, std::string_view label) {
  const double cell = columns.size() > 10 ? 34 : 54;
  constexpr double left = 128, top = 112;
  const double width = cell * static_cast<double>(columns.size()),
               height = cell * static_cast<double>(names.size());
  // The box keeps its proportion to the page: a small matrix is centred, not blown up.
  const double box = std::max(left + width + 100, 720.0), shift = (box - left - width - 60) / 2;
  Svg svg(box, top + height + 10, label);
  const double x0 = left + shift;
  svg.text({x0 + width / 2, 12}, "answered", "axis-label", Anchor::middle);
  svg.text({x0 - 112, top + height / 2}, "true", "axis-label", Anchor::middle, true);
  for (std::size_t p = 0; p < columns.size(); ++p) {
    const double x = x0 + cell * (static_cast<double>(p) + 0.5) + 4;
    svg.text({x, top - 8}, columns[p], "name", Anchor::start, true);
  }
  for (std::size_t t = 0; t < names.size(); ++t) {
    const double y = top + cell * static_cast<double>(t);
    const auto row = counts.subspan(t * columns.size(), columns.size());
    std::int64_t sum = 0;
    for (const std::int64_t count : row)
      sum += count;
    svg.text({x0 - 8, y + cell / 2 + 4}, names[t], "name", Anchor::end);
    svg.text({x0 + width + 8, y + cell / 2 + 4}, fmt::format("n = {}", sum), "tick");
    for (std::size_t p = 0; p < columns.size(); ++p) {
      const double x = x0 + cell * static_cast<double>(p);
      const double share = sum > 0 ? static_cast<double>(row[p]) / static_cast<double>(sum) : 0;
      const std::string title = fmt::format("{} of {} {} patterns ({:.1f} %) answered as {}", row[p], sum,
                                            names[t], 100 * share, columns[p]);
      svg.rect({x, y}, cell, cell, {.style = "frame"});
      svg.rect({x + 1, y + 1}, cell - 2, cell - 2,
               {.style = t == p ? "cell-diagonal" : "cell",
                .opacity = row[p] > 0 ? 0.08 + 0.5 * share : 0,
                .title = title});
      if (row[p] > 0) {
        svg.text({x + cell / 2, y + cell / 2 + 4}, fmt::format("{}", row[p]), t == p ? "strong" : "name",
                 Anchor::middle);
      }
    }
  }
  return svg.str();
}

std::string class_plot(std::span<const ClassPoint> classes, std::string_view label) {
  constexpr double left = 64, right = 740, top = 14, bottom = 300;
  Svg svg(760, bottom + 40, label);
  std::int64_t most = 1;
  for (const ClassPoint& c : classes)
    most = std::max(most, c.count);
  const Axis x(0.8, std::max(10.0, 1.3 * static_cast<double>(most)), left, right, Axis::Scale::logarithmic);
  const Axis y(0, 100, bottom, top);
  for (const double tick : y.ticks(5))
    svg.line({left, y(tick)}, {right, y(tick)}, {.style = "grid"});
  // Classes of equal count and share would hide each other: one dot, larger, for all of them.
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::string>> places;
  for (const ClassPoint& c : classes)
    places[{c.count, c.correct}].push_back(c.name);
  for (const auto& [place, names] : places) {
    const auto [count, correct] = place;
    const nn::Interval interval = nn::wilson(correct, count);
    const double share = static_cast<double>(correct) / static_cast<double>(count);
    const Point at{x(static_cast<double>(count)), y(100 * share)};
    const double radius = 4.5 * std::sqrt(std::sqrt(static_cast<double>(names.size())));
    svg.circle(at, radius,
               {.style = "dot",
                .opacity = 0.75,
                .title = fmt::format("{}: {} of {} right ({:.0f} %, 95 % interval {:.0f}..{:.0f} %)",
                                     fmt::join(names, ", "), correct, count, 100 * share, 100 * interval.low,
                                     100 * interval.high)});
    if (classes.size() <= 12) {
      svg.text({at.x + radius + 4, at.y + 4}, fmt::format("{}", fmt::join(names, ", ")), "name");
    } else if (names.size() > 1) {
      svg.text({at.x, at.y + 3.5}, fmt::format("{}", names.size()), "inside", Anchor::middle);
    }
  }
  draw_horizontal(svg, x, bottom, "patterns of the class", 5);
  draw_vertical(svg, y, left, "right answers, %", 5);
  return svg.str();
}

std::string coverage_plot(std::span<const CoverageLine> lines, std::string_view label) {
  constexpr double left = 64, right = 480, top = 14, bottom = 260;
  constexpr std::array<std::string_view, 6> styles{"cover-0", "cover-1", "cover-2",
                                                   "cover-3", "cover-4", "cover-5"};
  double lowest = 1;
  for (const CoverageLine& line : lines)
    for (const CoveragePoint& point : line.points)
      lowest = std::min(lowest, point.accuracy);
  Svg svg(760, bottom + 40, label);
  const Axis x(0, 100, left, right), y(std::floor(10 * std::min(lowest, 0.9)) * 10, 100, bottom, top);
  for (const double tick : y.ticks(5))
    svg.line({left, y(tick)}, {right, y(tick)}, {.style = "grid"});
  double legend = top + 8;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view style = styles[i % styles.size()];
    std::vector<Point> points;
    for (const CoveragePoint& point : lines[i].points)
      points.push_back({x(100 * point.share), y(100 * point.accuracy)});
    svg.polyline(points, {.style = style, .title = lines[i].name});
    svg.line({right + 24, legend}, {right + 52, legend}, {.style = style});
    svg.text({right + 60, legend + 4}, lines[i].name, "name");
    legend += 20;
  }
  draw_horizontal(svg, x, bottom, "answered, % of the patterns", 5);
  draw_vertical(svg, y, left, "right answers, %", 5);
  return svg.str();
}

std::string_view coverage_style() {
  return R"(
svg [class^="cover-"] { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .cover-0 { stroke: var(--blue); } svg .cover-1 { stroke: var(--green); } svg .cover-2 { stroke: var(--red); }
svg .cover-3 { stroke: var(--blue); stroke-dasharray: 5 4; } svg .cover-4 { stroke: var(--green); stroke-dasharray: 5 4; }
svg .cover-5 { stroke: var(--red); stroke-dasharray: 5 4; }
)";
}

}  // namespace bragg::apps::report
