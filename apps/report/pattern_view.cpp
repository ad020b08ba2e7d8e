#include "apps/report/pattern_view.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apps/report/svg.h"

namespace bragg::apps::report {
namespace {

// The picture's own units: the curve fills a square, the lines hang below it. zoom_script() knows them as well.
constexpr double side = 10000, line_top = 10250, line_height = 2600, bottom = 13000;
constexpr int columns = 2000;
constexpr double weakest_line = 0.01;
constexpr std::size_t most_lines = 300;

struct Place {
  int x, y;
};

struct Frame {
  double first, last, low, high;
  int x(double two_theta) const {
    return static_cast<int>(std::lround((two_theta - first) / (last - first) * side));
  }
  int y(double value) const {
    return static_cast<int>(std::lround(side - (value - low) / (high - low) * side));
  }
};

double position_of(const PatternView& view, std::size_t i) {
  return view.first + view.step * static_cast<double>(i);
}

std::vector<Place> thinned(const PatternView& view, std::span<const float> values, const Frame& frame) {
  std::vector<Place> places;
  const auto column_of = [&](std::size_t i) {
    return static_cast<int>((position_of(view, i) - frame.first) / (frame.last - frame.first) * columns);
  };
  for (std::size_t i = 0; i < values.size();) {
    if (!std::isfinite(values[i])) {
      ++i;
      continue;
    }
    std::size_t low = i, high = i, end = i;
    for (const int column = column_of(i); end < values.size() && column_of(end) == column; ++end) {
      if (!std::isfinite(values[end])) continue;
      if (values[end] < values[low]) low = end;
      if (values[end] > values[high]) high = end;
    }
    const auto add = [&](std::size_t k) {
      places.push_back({frame.x(position_of(view, k)), frame.y(values[k])});
    };
    add(std::min(low, high));
    if (low != high) add(std::max(low, high));
    i = end;
  }
  return places;
}

/// Those that are drawn, strongest ones kept, ascending.
std::vector<Stick> drawn(std::vector<Stick> sticks, const Frame& frame) {
  std::erase_if(sticks, [&](const Stick& stick) {
    return !(stick.two_theta >= frame.first && stick.two_theta <= frame.last &&
             stick.intensity >= weakest_line);
  });
  std::stable_sort(sticks.begin(), sticks.end(),
                   [](const Stick& a, const Stick& b) { return a.intensity > b.intensity; });
  if (sticks.size() > most_lines) sticks.resize(most_lines);
  std::stable_sort(sticks.begin(), sticks.end(),
                   [](const Stick& a, const Stick& b) { return a.two_theta < b.two_theta; });
  return sticks;
}

std::string sticks_of(const PatternView& view, const Frame& frame) {
  std::string text;
  const std::size_t sets =
      std::min(view.sticks.size(), view.sticks_in_rows ? most_stick_rows : most_stick_sets);
  const double row = line_height / static_cast<double>(std::max<std::size_t>(sets, 1));
  for (std::size_t s = 0; s < sets; ++s) {
    text += fmt::format("<g class=\"sticks s{}\">\n", s + 1);
    const long top = std::lround(line_top + (view.sticks_in_rows ? row * static_cast<double>(s) : 0));
    for (const Stick& stick : drawn(view.sticks[s], frame)) {
      const double height = view.sticks_in_rows ? 0.75 * row : line_height * std::min(stick.intensity, 1.0);
      text += fmt::format("<path d=\"M{} {}v{}\"><title>{}</title></path>\n", frame.x(stick.two_theta), top,
                          std::lround(height), escaped(stick.title));
    }
    text += "</g>\n";
  }
  return text;
}

std::string curve_of(const PatternView& view, std::span<const float> values, std::string_view style,
                     const Frame& frame) {
  std::string points;
  for (const Place& place : thinned(view, values, frame))
    points += fmt::format("{}{},{}", points.empty() ? "" : " ", place.x, place.y);
  return fmt::format("<polyline class=\"{}\" points=\"{}\"/>", style, points);
}

std::string horizontal_ticks(const Frame& frame) {
  std::string text;
  for (const double tick : Axis(frame.first, frame.last, 0, 100).ticks(8)) {
    text += fmt::format("<span style=\"left:{:.3f}%\">{:.6g}</span>",
                        100 * (tick - frame.first) / (frame.last - frame.first), tick);
  }
  return text;
}

std::string vertical_ticks(const Frame& frame) {
  std::string text;
  for (const double tick : Axis(100 * frame.low, 100 * frame.high, 0, 100).ticks(5)) {
    const double share = (tick / 100 - frame.low) / (frame.high - frame.low);
    text += fmt::format("<span style=\"bottom:{:.3f}%\">{:.6g}</span>",
                        100 * (bottom - side + share * side) / bottom, tick);
  }
  return text;
}

constexpr std::string_view tools =
    "<div class=\"tools\" hidden=\"hidden\"><button type=\"button\" data-do=\"in\">zoom in</button>"
    "<button type=\"button\" data-do=\"out\">out</button>"
    "<button type=\"button\" data-do=\"left\" aria-label=\"to lower angles\">&#8592;</button>"
    "<button type=\"button\" data-do=\"right\" aria-label=\"to higher angles\">&#8594;</button>"
    "<button type=\"button\" data-do=\"all\">whole</button><output></output></div>\n";

}  // namespace

std::string pattern_view(const PatternView& view) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  if (std::count_if(view.values.begin(), view.values.end(), is_finite) < 2 || !(view.step > 0)) return {};
  float lowest = 0, highest = 0;
  const auto widen = [&](std::span<const float> values) {
    for (const float value : values) {
      if (!is_finite(value)) continue;
      lowest = std::min(lowest, value);
      highest = std::max(highest, value);
    }
  };
  widen(view.values);
  for (const Curve& curve : view.curves)
    widen(curve.values);
  const double room = highest > lowest ? 0.03 * (static_cast<double>(highest) - lowest) : 1;
  const Frame frame{view.first, position_of(view, view.values.size() - 1), lowest, highest + room};
  std::string curves = curve_of(view, view.values, "trace", frame);
  for (const Curve& curve : view.curves)
    curves += "\n" + curve_of(view, curve.values, curve.style, frame);
  return fmt::format(
      "<div class=\"pattern{}\" data-first=\"{:.8g}\" data-last=\"{:.8g}\" data-low=\"{:.6g}\" "
      "data-high=\"{:.6g}\" "
      "data-wavelength=\"{:.8g}\">\n{}<div class=\"unit\">intensity, %</div>\n<div class=\"y\">{}</div>\n"
      "<div class=\"plot\"><svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"{}\">\n<g class=\"curve\">{}</g>\n"
      "<path class=\"axis\" d=\"M0 {}h{}\"/>\n{}</svg></div>\n<div class=\"x\">{}</div>\n"
      "<div class=\"unit\">2\xCE\xB8, degrees</div>\n</div>\n",
      view.sticks_in_rows ? " rows" : "", frame.first, frame.last, 100 * frame.low, 100 * frame.high,
      view.wavelength, tools, vertical_ticks(frame), side, bottom, escaped(view.label), curves, side, side,
      sticks_of(view, frame), horizontal_ticks(frame));
}

}  // namespace bragg::apps::report
