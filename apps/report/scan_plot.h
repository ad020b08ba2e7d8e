// A measured scan to look at: a picture of its own (SVG) or a few lines of text.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bragg::apps::report {

struct PlottedScan {
  std::span<const double> x;          ///< ascending
  std::span<const double> intensity;  ///< of the same length
  std::string_view axis;              ///< "2θ, degrees"
  std::string_view title;
};

/// A whole SVG file.
std::string scan_svg(const PlottedScan&);
/// At most `columns` (no more than points) x `rows` characters of UTF-8 with the ends of both axes.
std::string scan_text_plot(const PlottedScan&, int columns, int rows);

}  // namespace bragg::apps::report
