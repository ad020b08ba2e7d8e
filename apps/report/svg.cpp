#include "apps/report/svg.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/base/utf8.h"

namespace bragg::apps::report {
namespace {

/// A coordinate with at most two decimals.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0 || (length == 1 && ((c >= 0 && c < ' ' && c != '\t' && c != '\n') || c == 0x7F))) {
      result += "\xEF\xBF\xBD";
    } else if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (c == '\'') {
      result += "&#39;";
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

Svg::Svg(double width, double height, std::string_view label) : width_(width), height_(height) {
  body_ = fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", number(width),
                      number(height), escaped(label));
  body_ += '\n';
}

void Svg::finish(std::string_view element, const Mark& mark) {
  body_ += fmt::format(R"( class="{}")", mark.style);
  if (mark.opacity != 1) body_ += fmt::format(R"( opacity="{}")", number(mark.opacity));
  body_ +=
      mark.title.empty() ? "/>\n" : fmt::format("><title>{}</title></{}>\n", escaped(mark.title), element);
}

void Svg::line(Point from, Point to, const Mark& mark) {
  body_ += fmt::format(R"(<line x1="{}" y1="{}" x2="{}" y2="{}")", number(from.x), number(from.y),
                       number(to.x), number(to.y));
  finish("line", mark);
}

void Svg::rect(Point corner, double width, double height, const Mark& mark) {
  body_ += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}")", number(corner.x), number(corner.y),
                       number(width), number(height));
  finish("rect", mark);
}

void Svg::circle(Point centre, double radius, const Mark& mark) {
  body_ +=
      fmt::format(R"(<circle cx="{}" cy="{}" r="{}")", number(centre.x), number(centre.y), number(radius));
  finish("circle", mark);
}

void Svg::text(Point at, std::string_view text, std::string_view style, Anchor anchor, bool turned) {
  static constexpr const char* anchors[] = {"start", "middle", "end"};
  body_ += fmt::format(R"(<text x="{}" y="{}" class="{}" text-anchor="{}")", number(at.x), number(at.y),
                       style, anchors[static_cast<int>(anchor)]);
  if (turned) body_ += fmt::format(" transform=\"rotate(-90 {} {})\"", number(at.x), number(at.y));
  body_ += ">" + escaped(text) + "</text>\n";
}

void Svg::polyline(std::span<const Point> points, const Mark& mark) {
  body_ += R"(<polyline points=")";
  for (const Point& p : points)
    body_ += number(p.x) + "," + number(p.y) + " ";
  body_ += '"';
  finish("polyline", mark);
}

Axis::Axis(double low, double high, double from, double to, Scale scale)
    : low_(low), high_(high), from_(from), to_(to), scale_(scale) {
  if (!(high_ > low_)) high_ = scale == Scale::logarithmic ? low_ * 10 : low_ + 1;
}

double Axis::operator()(double value) const {
  // Halves: the same bits, and no span is beyond a double.
  const double t = scale_ == Scale::logarithmic ? std::log(value / low_) / std::log(high_ / low_)
                                                : (value / 2 - low_ / 2) / (high_ / 2 - low_ / 2);
  return from_ + t * (to_ - from_);
}

std::vector<double> Axis::ticks(int count) const {
  std::vector<double> result;
  if (scale_ == Scale::logarithmic) {
    const bool few = high_ / low_ < 300;
    for (double decade = std::pow(10, std::floor(std::log10(low_))); decade <= high_ * 1.0001; decade *= 10) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double value = decade * factor;
        if ((few || factor == 1) && value >= low_ * 0.9999 && value <= high_ * 1.0001)
          result.push_back(value);
      }
    }
    return result;
  }
  const double raw = (high_ / 2 - low_ / 2) / count * 2, power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * 0.9999) {
      step = factor * power;
      break;
    }
  }
  // Numbered by integers: a step may be too small to be told at the ends of the axis.
  const double first = std::ceil(low_ / step - 1e-9);
  for (int i = 0; i <= count + 1; ++i) {
    const double tick = (first + i) * step + 0.0;  // no -0
    if (!(tick <= high_ + 1e-9 * step)) break;
    if (result.empty() || tick > result.back()) result.push_back(tick);
  }
  return result;
}

void draw_horizontal(Svg& svg, const Axis& axis, double y, std::string_view label, int ticks) {
  svg.line({axis.from(), y}, {axis.to(), y}, {.style = "axis"});
  for (const double value : axis.ticks(ticks)) {
    svg.line({axis(value), y}, {axis(value), y + 4}, {.style = "axis"});
    svg.text({axis(value), y + 15}, fmt::format("{:.6g}", value), "tick", Anchor::middle);
  }
  svg.text({(axis.from() + axis.to()) / 2, y + 31}, label, "axis-label", Anchor::middle);
}

void draw_vertical(Svg& svg, const Axis& axis, double x, std::string_view label, int ticks) {
  svg.line({x, axis.from()}, {x, axis.to()}, {.style = "axis"});
  for (const double value : axis.ticks(ticks)) {
    svg.line({x - 4, axis(value)}, {x, axis(value)}, {.style = "axis"});
    svg.text({x - 7, axis(value) + 3.5}, fmt::format("{:.6g}", value), "tick", Anchor::end);
  }
  svg.text({x - 38, (axis.from() + axis.to()) / 2}, label, "axis-label", Anchor::middle, true);
}

}  // namespace bragg::apps::report
