// Plots as SVG text: a few primitives, axes, and nothing that needs a script or another file. Colours are
// classes of the page's style sheet (html.cpp), so that a plot follows light and dark.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::apps::report {

/// For text and attributes of HTML and SVG: & < > " ' as entities; bytes that are no UTF-8 and control
/// characters as U+FFFD.
std::string escaped(std::string_view);

struct Point {
  double x, y;
};

enum class Anchor { start, middle, end };

/// What a mark looks like: its class in the style sheet, its opacity, and what a pointer over it shows.
struct Mark {
  std::string_view style;
  double opacity = 1;
  std::string title = {};
};

/// Coordinates are in user units of a (width, height) box, y downwards; the picture scales with the page.
class Svg {
 public:
  /// `label` is what a screen reader says instead of the picture.
  Svg(double width, double height, std::string_view label);

  double width() const { return width_; }
  double height() const { return height_; }

  void line(Point from, Point to, const Mark&);
  void rect(Point corner, double width, double height, const Mark&);
  void circle(Point centre, double radius, const Mark&);
  /// `turned`: reads upwards.
  void text(Point at, std::string_view, std::string_view style, Anchor = Anchor::start, bool turned = false);
  void polyline(std::span<const Point>, const Mark&);

  std::string str() const { return body_ + "</svg>\n"; }

 private:
  void finish(std::string_view element, const Mark&);

  double width_, height_;
  std::string body_;
};

/// A scale from values to one coordinate, with round ticks.
class Axis {
 public:
  enum class Scale { linear, logarithmic };
  /// `low` and `high` go to the coordinates `from` and `to`.
  Axis(double low, double high, double from, double to, Scale = Scale::linear);

  double operator()(double value) const;
  /// About `count` round values within [low, high]; 1, 10, 100 ... (with 2 and 5 between, if few) for
  /// logarithmic ones.
  std::vector<double> ticks(int count) const;
  double from() const { return from_; }
  double to() const { return to_; }

 private:
  double low_, high_, from_, to_;
  Scale scale_;
};

/// The axis line at height y with ticks and the label below, and the same for a vertical axis at x.
void draw_horizontal(Svg&, const Axis&, double y, std::string_view label, int ticks);
void draw_vertical(Svg&, const Axis&, double x, std::string_view label, int ticks);

}  // namespace bragg::apps::report
