#include "data/formats/scan_parts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "data/formats/text_rows.h"
#include "kernels/base/error.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};

/// Digits between any other signs.
std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> found;
  bool inside = false;
  for (const char c : text) {
    const bool part = std::isalnum(static_cast<unsigned char>(c));
    if (part && !inside) found.emplace_back();
    if (part) found.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    inside = part;
  }
  return found;
}

bool is_number(const std::string& piece, std::size_t digits) {
  return piece.size() == digits &&
         std::all_of(piece.begin(), piece.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// 1, 10, ... 1e9: by which both numbers become whole; 0: none of them.
double decimal_scale(double a, double b) {
  constexpr double most = 1e9, largest = 1e6;
  if (!(std::abs(a) <= largest && std::abs(b) <= largest)) return 0;
  for (double scale = 1; scale <= most; scale *= 10) {
    if (std::round(a * scale) / scale == a && std::round(b * scale) / scale == b) return scale;
  }
  return 0;
}

/// "2thetaomega" of "2Theta/Omega", "phi" of "Phi Scan".
std::string axis_letters(std::string_view written) {
  std::string name;
  for (const char c : written)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.ends_with("scan")) name.resize(name.size() - 4);
  return name;
}

}  // namespace

std::vector<double> even_positions(double start, double step, std::size_t points) {
  std::vector<double> x(points);
  // Whole numbers add up without an error: 39.98, not 39.980000000000004.
  const double scale = decimal_scale(start, step);
  const double first = scale > 0 ? std::round(start * scale) : start;
  const double width = scale > 0 ? std::round(step * scale) : step;
  for (std::size_t i = 0; i < points; ++i)
    x[i] = (first + width * static_cast<double>(i)) / (scale > 0 ? scale : 1);
  return x;
}

bool steps_two_theta(std::string_view written) {
  static constexpr std::string_view known[] = {
      "gonio",       "2theta",        "twotheta",        "2thetaomega",          "twothetaomega",
      "omega2theta", "2thetatheta",   "twothetatheta",   "theta2theta",          "twothetab",
      "coupled",     "lockedcoupled", "unlockedcoupled", "unlockedcoupledhrxrd", "detector",
      "psdfixed",    "psdfast"};
  return std::find(std::begin(known), std::end(known), axis_letters(written)) != std::end(known);
}

std::optional<OtherAxis> other_axis_of(std::string_view written) {
  struct Known {
    std::string_view written, name;
    const char* unit;
  };
  // Theta alone turns the sample before a detector that stands still: a rocking curve.
  static constexpr Known known[] = {
      {"phi", "phi", "deg"},
      {"chi", "chi", "deg"},
      {"khi", "chi", "deg"},
      {"psi", "psi", "deg"},
      {"omega", "omega", "deg"},
      {"theta", "omega", "deg"},
      {"rockingcurve", "omega", "deg"},
      {"alpha", "alpha", "deg"},
      {"beta", "beta", "deg"},
      {"x", "x", "mm"},
      {"y", "y", "mm"},
      {"z", "z", "mm"},
  };
  const std::string name = axis_letters(written);
  for (const Known& one : known)
    if (name == one.written) return OtherAxis{std::string(one.name), one.unit};
  return {};
}

void check_scan(const Scan& scan) {
  const std::size_t points = scan.x.size();
  if (scan.intensity.size() != points)
    throw Error(fmt::format("{} positions, but {} intensities", points, scan.intensity.size()));
  if (!scan.uncertainty.empty() && scan.uncertainty.size() != points)
    throw Error(fmt::format("{} positions, but {} uncertainties", points, scan.uncertainty.size()));
  if (points < 2)
    throw Error(fmt::format("a scan of {} point{}; at least 2 are needed", points, points == 1 ? "" : "s"));
  const bool is_angle =
      !scan.other_axis && (scan.axis == AxisQuantity::two_theta || scan.axis == AxisQuantity::theta);
  for (std::size_t i = 0; i < points; ++i) {
    const double x = scan.x[i], y = scan.intensity[i];
    if (!std::isfinite(x) || !std::isfinite(y))
      throw Error(fmt::format("point {}: position {}, intensity {}: not finite", i + 1, x, y));
    if (is_angle && std::abs(x) > 180)
      throw Error(fmt::format("2 theta {} of point {} is outside -180..180 degrees", x, i + 1));
    if (std::abs(x) > largest_position)
      throw Error(fmt::format("position {} of point {} is beyond {:g}", x, i + 1, largest_position));
    if (i > 0 && (x == scan.x[i - 1] || (x > scan.x[i - 1]) != (scan.x[1] > scan.x[0])))
      throw Error(
          fmt::format("position {:.8g} of point {} after {:.8g}: neither ascending nor descending throughout",
                      x, i + 1, scan.x[i - 1]));
    if (!scan.uncertainty.empty() && !(scan.uncertainty[i] >= 0 && std::isfinite(scan.uncertainty[i])))
      throw Error(fmt::format("uncertainty {} of point {} is none", scan.uncertainty[i], i + 1));
  }
}

bool are_counts(const std::vector<double>& intensity) {
  return std::all_of(intensity.begin(), intensity.end(),
                     [](double y) { return y >= 0 && y == std::floor(y); });
}

IntensityUnit unit_of_counts(const std::vector<double>& intensity) {
  return are_counts(intensity) ? IntensityUnit::counts : IntensityUnit::arbitrary;
}

void make_texts_plain(Scan& scan) {
  const auto shorten = [](std::string& text) {
    constexpr std::size_t longest = 200;
    text = plain_text(std::string_view(text).substr(0, longest)) + (text.size() > longest ? "..." : "");
  };
  for (std::string* text : {&scan.anode, &scan.monochromator, &scan.geometry, &scan.instrument, &scan.sample,
                            &scan.date, &scan.scan_axis})
    shorten(*text);
  for (ReadingNote& note : scan.notes) {
    shorten(note.how);
    shorten(note.from);
  }
  for (std::string& warning : scan.warnings)
    shorten(warning);
}

std::string plain_text(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  std::string folded = plain ? std::string(text) : xrd::fold_to_ascii(text);
  std::erase_if(folded, [](char c) { return c < ' ' || c > '~'; });
  return std::string(trimmed(folded));
}

std::string iso_date(std::string_view text) {
  const std::string whole = plain_text(text);
  const std::vector<std::string> part = pieces(whole);
  if (part.size() < 3) return whole;
  const auto month = std::find(months.begin(), months.end(), std::string_view(part[1]).substr(0, 3));
  std::string date;
  if (month != months.end() && is_number(part[2], 4) && (is_number(part[0], 2) || is_number(part[0], 1))) {
    date = fmt::format("{}-{:02}-{:0>2}", part[2], month - months.begin() + 1, part[0]);
  } else if (is_number(part[0], 4) && is_number(part[1], 2) && is_number(part[2], 2)) {
    date = fmt::format("{}-{}-{}", part[0], part[1], part[2]);
  } else {
    return whole;
  }
  if (part.size() >= 6 && is_number(part[3], 2) && is_number(part[4], 2) && is_number(part[5], 2))
    date += fmt::format("T{}:{}:{}", part[3], part[4], part[5]);
  return date;
}

}  // namespace bragg::data
