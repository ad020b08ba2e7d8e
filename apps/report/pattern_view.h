// A measured pattern on a page with the lines of structures below it, one of them shown at a time: drawn
// without a script, and to be zoomed where scripts run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::apps::report {

/// Most structures whose lines a view can show: pattern_style() has a rule for each.
inline constexpr std::size_t most_stick_sets = 6;
/// The same where all are shown at once, each in its row.
inline constexpr std::size_t most_stick_rows = 8;

struct Stick {
  double two_theta;   ///< degrees
  double intensity;   ///< of the strongest 1
  std::string title;  ///< what a pointer over it shows
};

/// Another curve on the places of the pattern's; `style` is its class.
struct Curve {
  std::span<const float> values;
  std::string_view style;
};

struct PatternView {
  std::span<const float>
      values;                  ///< intensities by `step` from `first`; those that are not finite are left out
  double first = 0, step = 0;  ///< degrees of 2 theta
  double wavelength = 0;       ///< A, for the d of a place; 0 where it is unknown
  std::string_view label{};    ///< what a screen reader says of it
  /// Of each structure, at most most_stick_sets. Lines outside of the pattern, weaker than 1 % or beyond the
  /// 300 strongest are left out.
  std::vector<std::vector<Stick>> sticks{};
  std::vector<Curve> curves{};  ///< drawn over the pattern
  bool sticks_in_rows = false;  ///< all of them, alike in height, a row for each structure (most_stick_rows)
};

/// HTML: class `pattern`, the lines of structure i in a group of the class `s1`, `s2` ... The curve is the
/// lowest and the highest value of each of 2000 columns, whatever the number of points. Empty where fewer
/// than two values are finite.
std::string pattern_view(const PatternView&);

/// The style sheet of views and of the cards that choose among their structures.
std::string_view pattern_style();
/// What makes every view of a page zoom: a whole <script>, which holds nothing that came from outside.
std::string_view zoom_script();

}  // namespace bragg::apps::report
