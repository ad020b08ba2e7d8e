#include "apps/report/series_section.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "apps/report/html.h"
#include "apps/report/svg.h"

namespace bragg::apps::report {
namespace {

constexpr double width = 900, left = 60, right = 870;
constexpr int columns = 700;
constexpr std::size_t most_stacked = 60, most_phases = 4;
constexpr std::array<std::string_view, 3> edge_names{"a", "b", "c"},
    edge_styles{"edge-a", "edge-b", "edge-c"};

/// The highest value of each column of a pattern, from `first` to `last` degrees; NaN where it has none.
std::vector<double> highest_of_columns(const Identification& answer, double first, double last) {
  std::vector<double> highest(columns, std::nan(""));
  for (std::size_t i = 0; i < answer.values.size(); ++i) {
    const double at = answer.first + answer.step * static_cast<double>(i), value = double{answer.values[i]};
    const auto column = static_cast<std::int64_t>((at - first) / (last - first) * columns);
    if (column < 0 || column >= columns || !std::isfinite(value)) continue;
    double& here = highest[static_cast<std::size_t>(column)];
    here = std::isnan(here) ? value : std::max(here, value);
  }
  return highest;
}

std::string stack(std::span<const Identification> all) {
  std::vector<std::size_t> drawn;
  double first = 1e9, last = -1e9;
  for (std::size_t i = 0; i < all.size() && drawn.size() < most_stacked; ++i) {
    if (all[i].values.size() < 2) continue;
    drawn.push_back(i);
    first = std::min(first, all[i].first);
    last = std::max(last, all[i].first + all[i].step * static_cast<double>(all[i].values.size() - 1));
  }
  if (drawn.size() < 2 || !(last > first)) return {};
  const double step = std::clamp(420.0 / static_cast<double>(drawn.size()), 9.0, 60.0),
               height_of_one = 3 * step;
  const double bottom = height_of_one + step * static_cast<double>(drawn.size() - 1) + 10;
  Svg svg(width, bottom + 48, "The patterns of the series, the first at the bottom");
  const Axis x(first, last, left, right);
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    const Identification& answer = all[drawn[k]];
    const std::vector<double> highest = highest_of_columns(answer, first, last);
    const double base = bottom - step * static_cast<double>(k);
    std::vector<Point> points;
    for (int c = 0; c < columns; ++c) {
      const double value = highest[static_cast<std::size_t>(c)];
      if (std::isnan(value)) continue;
      points.push_back(
          {left + (right - left) * (c + 0.5) / columns, base - height_of_one * std::max(value, 0.0)});
    }
    svg.polyline(points, {"trace", 1,
                          fmt::format("{}{}", answer.file,
                                      answer.index > 0 ? fmt::format(" [{}]", answer.index) : "")});
    if (k % std::max<std::size_t>(1, drawn.size() / 12) == 0)
      svg.text({left - 8, base}, std::to_string(drawn[k] + 1), "tick", Anchor::end);
  }
  draw_horizontal(svg, x, bottom, "2\xCE\xB8, degrees", 8);
  const std::string more =
      drawn.size() < all.size() ? fmt::format(" {} of {} are drawn.", drawn.size(), all.size()) : "";
  return figure(
      svg.str(),
      "Each pattern scaled to its highest point, the first at the bottom; numbers are those of the table." +
          more);
}

/// A phase of the series: the scans that it was found in, and its cells there.
struct PhaseOfSeries {
  std::string name;
  std::vector<std::pair<std::size_t, const Candidate*>> scans;
};

/// Those found most often first.
std::vector<PhaseOfSeries> phases_of(std::span<const Identification> all) {
  std::map<std::string, PhaseOfSeries> by_name;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const Candidate& phase : all[i].phases) {
      const std::string name = fmt::format("{} {}", name_or_formula(phase), phase.space_group);
      by_name[name].name = name;
      by_name[name].scans.emplace_back(i + 1, &phase);
    }
  std::vector<PhaseOfSeries> phases;
  for (auto& [name, phase] : by_name)
    phases.push_back(std::move(phase));
  std::stable_sort(phases.begin(), phases.end(), [](const PhaseOfSeries& a, const PhaseOfSeries& b) {
    return a.scans.size() > b.scans.size();
  });
  if (phases.size() > most_phases) phases.resize(most_phases);
  return phases;
}

std::string cells_against_scans(const PhaseOfSeries& phase, std::size_t scans) {
  if (phase.scans.size() < 2) return {};
  double low = 1e9, high = -1e9;
  for (const auto& [scan, candidate] : phase.scans)
    for (const double change : candidate->cell_change) {
      low = std::min(low, 100 * change);
      high = std::max(high, 100 * change);
    }
  const double room = std::max(0.1 * (high - low), 0.005);
  constexpr double top = 14, bottom = 200;
  Svg svg(width, bottom + 48, "Edges of the cell against the number of the scan");
  const Axis x(0.5, static_cast<double>(scans) + 0.5, left, right), y(low - room, high + room, bottom, top);
  draw_horizontal(svg, x, bottom, "number of the scan", static_cast<int>(std::min<std::size_t>(scans, 10)));
  draw_vertical(svg, y, left, "change of the edge, %", 5);
  for (std::size_t edge = 0; edge < 3; ++edge) {
    std::vector<Point> points;
    for (const auto& [scan, candidate] : phase.scans)
      points.push_back({x(static_cast<double>(scan)), y(100 * candidate->cell_change[edge])});
    svg.polyline(points, {edge_styles[edge]});
    for (std::size_t i = 0; i < points.size(); ++i) {
      const xrd::UnitCell& cell = phase.scans[i].second->cell;
      const std::array<double, 3> edges{cell.a, cell.b, cell.c};
      svg.circle(points[i], 3,
                 {edge_styles[edge], 1,
                  fmt::format("scan {}: {} = {:.4f} \xC3\x85", phase.scans[i].first, edge_names[edge],
                              edges[edge])});
    }
    svg.text({right + 4, points.back().y}, edge_names[edge], "tick");
  }
  return figure(svg.str(),
                fmt::format("{}: edges of its refined cell, relative to those of the known structure.",
                            escaped(phase.name)));
}

}  // namespace

std::string series_section(std::span<const Identification> all) {
  const auto answered =
      std::count_if(all.begin(), all.end(), [](const Identification& one) { return !one.refused; });
  if (answered < 2) return {};
  std::string body = stack(all);
  for (const PhaseOfSeries& phase : phases_of(all))
    body += cells_against_scans(phase, all.size());
  return body.empty() ? body : section("The series", "", body);
}

}  // namespace bragg::apps::report
