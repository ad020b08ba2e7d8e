#include "data/formats/column_name.h"

#include <algorithm>
#include <array>
#include <span>

#include "kernels/base/error.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

using Role = ColumnName::Role;
using Words = std::span<const std::string_view>;

constexpr std::string_view angle_names[] = {"angle",
                                            "angles",
                                            "winkel",
                                            "degree",
                                            "degrees",
                                            "deg",
                                            "scatteringangle",
                                            "diffractionangle",
                                            "beugungswinkel",
                                            "streuwinkel",
                                            "2t",
                                            "tth",
                                            "ttheta",
                                            "twoth",
                                            "twotheta"};
constexpr std::string_view theta_names[] = {"theta",       "th",         "thetas",    "braggangle",
                                            "glanzwinkel", "thetaangle", "angletheta"};
constexpr std::string_view q_names[] = {
    "q",          "|q|",    "qvector",           "scatteringvector",  "momentumtransfer",
    "qmagnitude", "qvalue", "scatteringvectorq", "momentumtransferq", "wavevectortransfer",
    "qmod",       "absq",   "qspacing",          "streuvektor"};
constexpr std::string_view s_names[] = {"s",   "1/d", "d*", "dstar", "reciprocald", "reciprocalspacing",
                                        "invd"};
constexpr std::string_view d_names[] = {"d",
                                        "dspacing",
                                        "dspacings",
                                        "dvalue",
                                        "dvalues",
                                        "dhkl",
                                        "latticespacing",
                                        "dspace",
                                        "interplanarspacing",
                                        "netzebenenabstand",
                                        "dspac",
                                        "latticeplanespacing"};
constexpr std::string_view other_axes[] = {"r",
                                           "radius",
                                           "radial",
                                           "radialdistance",
                                           "channel",
                                           "channel#",
                                           "channels",
                                           "chan",
                                           "kanal",
                                           "time",
                                           "zeit",
                                           "tof",
                                           "timeofflight",
                                           "energy",
                                           "energie",
                                           "e",
                                           "kev",
                                           "ev",
                                           "wavelength",
                                           "lambda",
                                           "index",
                                           "no",
                                           "nr",
                                           "n",
                                           "#",
                                           "point",
                                           "points",
                                           "temperature",
                                           "temp",
                                           "chi",
                                           "azimuth",
                                           "azimuthalangle",
                                           "phi",
                                           "omega",
                                           "om",
                                           "pixel",
                                           "pixels",
                                           "px",
                                           "x",
                                           "stol",
                                           "sintheta/lambda",
                                           "sinthetaoverlambda",
                                           "sinthl",
                                           "step",
                                           "frame",
                                           "image",
                                           "row",
                                           "id",
                                           "position",
                                           "pos",
                                           "psi",
                                           "khi",
                                           "wavenumber",
                                           "ramanshift",
                                           "logq",
                                           "log10q",
                                           "frequency",
                                           "distance"};
constexpr std::string_view intensity_names[] = {"i",
                                                "int",
                                                "intens",
                                                "counts",
                                                "count",
                                                "cts",
                                                "cps",
                                                "countspersecond",
                                                "countrate",
                                                "yobs",
                                                "obs",
                                                "iobs",
                                                "observed",
                                                "y",
                                                "iq",
                                                "signal",
                                                "cnt",
                                                "cnts",
                                                "impulse",
                                                "imp",
                                                "irel",
                                                "relint",
                                                "relativeintensity",
                                                "i/i0",
                                                "detector",
                                                "det",
                                                "psd",
                                                "measured",
                                                "meas",
                                                "imeas",
                                                "yobserved",
                                                "obsintensity",
                                                "counts/s",
                                                "cts/s",
                                                "relintensity",
                                                "xrdintensity",
                                                "observedintensity",
                                                "ymeas",
                                                "i2theta",
                                                "itth"};
constexpr std::string_view uncertainty_names[] = {
    "sigma", "esd",    "err",    "error", "errors", "di",     "unc",    "uncertainty",
    "std",   "sd",     "su",     "dy",    "ey",     "stdev",  "weight", "w",
    "sig",   "sigmai", "stddev", "esds",  "s.u.",   "deltai", "sigmay"};
constexpr std::string_view other_names[] = {
    "calc",     "icalc",  "ycalc",      "bkg",          "background",  "diff",    "residual",    "h",
    "k",        "l",      "hkl",        "multiplicity", "mult",        "monitor", "timeperstep", "steptime",
    "livetime", "bg",     "difference", "fit",          "model",       "phase",   "ybkg",        "ydiff",
    "bck",      "backgr", "calculated", "counttime",    "countingtime"};
/// In the place of a unit these tell that a file's angles are no degrees.
constexpr std::string_view odd_angle_units[] = {
    "mdeg",         "millideg", "millidegree", "millidegrees", "cdeg",    "centideg", "centidegree",
    "centidegrees", "arcmin",   "arcsec",      "min",          "px",      "pixel",    "pixels",
    "channel",      "channels", "1/100deg",    "deg*100",      "degx100", "steps"};

bool is_one_of(std::string_view name, Words names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view trimmed_name(std::string_view text) {
  constexpr std::string_view around = " \t\"'<>#";
  const std::size_t begin = text.find_first_not_of(around);
  if (begin == std::string_view::npos) return {};
  std::size_t end = text.find_last_not_of(" \t\"'<>");
  return text.substr(begin, end - begin + 1);
}

/// Lower case without what people put between the parts of a name.
std::string normal(std::string_view text) {
  std::string result;
  for (const char c : xrd::lower_case(text)) {
    if (std::string_view(" \t_-.,\"'<>^").find(c) == std::string_view::npos) result += c;
  }
  if (result.starts_with("2*")) result.erase(1, 1);
  return result;
}

/// A name and what stands in its unit's place.
struct Parts {
  std::string_view name, unit;
};

Parts split_parts(std::string_view text) {
  const std::size_t open = text.find_first_of("([");
  if (open != std::string_view::npos && open > 0) {
    const std::size_t close = text.find_last_of(")]");
    const std::size_t end = close == std::string_view::npos || close < open ? text.size() : close;
    return {text.substr(0, open), text.substr(open + 1, end - open - 1)};
  }
  // "q/nm^-1", "q_nm^-1", "q in 1/nm", "2theta, deg": the longest end that is a unit.
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (std::string_view("/_ ,").find(text[i]) == std::string_view::npos ||
        !xrd::parse_unit(text.substr(i + 1)))
      continue;
    std::string_view name = text.substr(0, i);
    while (!name.empty() && std::string_view("/_ ,").find(name.back()) != std::string_view::npos)
      name.remove_suffix(1);
    if (name.ends_with(" in") || name.ends_with("_in")) name.remove_suffix(3);
    if (name.empty() || name == "1") break;  // "1/nm"
    return {name, text.substr(i + 1)};
  }
  return {text, {}};
}

/// The axis that a normal name means.
struct NamedAxis {
  bool found = false;
  AxisQuantity quantity = AxisQuantity::two_theta;
};
NamedAxis axis_named(std::string_view name) {
  for (const std::string_view prefix : {"degrees", "degree", "deg"}) {
    if (name.starts_with(prefix) && name.size() > prefix.size()) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  const bool scan = name.starts_with("theta") || name.starts_with("om");  // "theta/2theta" is either
  if (!scan && (name.find("2theta") != std::string_view::npos || name.starts_with("2th") ||
                name.find("twotheta") != std::string_view::npos || is_one_of(name, angle_names)))
    return {true, AxisQuantity::two_theta};
  if (is_one_of(name, theta_names)) return {true, AxisQuantity::theta};
  if (is_one_of(name, q_names)) return {true, AxisQuantity::q};
  if (is_one_of(name, s_names)) return {true, AxisQuantity::s};
  if (is_one_of(name, d_names)) return {true, AxisQuantity::d};
  return {};
}

Role role_named(std::string_view name) {
  if (is_one_of(name, uncertainty_names)) return Role::uncertainty;
  if (is_one_of(name, intensity_names)) return Role::intensity;
  if (is_one_of(name, other_names)) return Role::other;
  if (is_one_of(name, other_axes)) return Role::other_axis;
  for (const std::string_view part : {"err", "sigma", "esd", "uncert", "std"}) {
    if (name.find(part) != std::string_view::npos) return Role::uncertainty;
  }
  for (const std::string_view part : {"calc", "bkg", "backg", "diff", "fit"}) {
    if (name.find(part) != std::string_view::npos) return Role::other;
  }
  if (name.starts_with("intens") || name.starts_with("counts")) return Role::intensity;
  return Role::unknown;
}

}  // namespace

std::string_view name_of(AxisQuantity quantity) {
  switch (quantity) {
    case AxisQuantity::two_theta:
      return "two_theta";
    case AxisQuantity::theta:
      return "theta";
    case AxisQuantity::q:
      return "q";
    case AxisQuantity::s:
      return "s";
    case AxisQuantity::d:
      return "d";
  }
  throw Error("[column_name] unknown quantity");
}

ColumnName parse_column_name(std::string_view folded) {
  ColumnName column;
  const std::string_view text = trimmed_name(folded);
  column.label = std::string(text);
  if (text.empty()) {
    column.role = Role::empty;
    return column;
  }
  const Parts parts = split_parts(text);
  const std::string name = normal(parts.name), inside = normal(parts.unit);
  column.is_short = name.size() <= 2;
  column.unit = xrd::parse_unit(parts.unit);
  if (!column.unit && !inside.empty()) column.odd_unit = std::string(parts.unit);
  auto axis = axis_named(name);
  const auto axis_inside = axis_named(inside);
  const bool is_position = name == "pos" || name == "position" || name == "x" || name == "xaxis";
  const bool is_angle = is_one_of(name, angle_names);
  if (!column.unit && (is_angle || is_position) && !inside.empty()) {
    // "Angle (theta)", "Pos. [deg 2Th.]"; "angle (omega)" is another one.
    if (axis_inside.found) {
      axis = axis_inside;
      column.odd_unit.clear();
    } else if (role_named(inside) == Role::other_axis) {
      axis.found = false;
    }
  }
  if (is_position && column.unit && column.unit->kind == xrd::UnitKind::angle)
    axis = {true, AxisQuantity::two_theta};
  if (axis.found) {
    column.role = Role::axis;
    column.quantity = axis.quantity;
    const bool is_angular =
        column.quantity == AxisQuantity::two_theta || column.quantity == AxisQuantity::theta;
    if (is_angular && !is_one_of(inside, odd_angle_units)) column.odd_unit.clear();
    return column;
  }
  column.role = role_named(name);
  if (column.role == Role::unknown && is_angle) column.role = Role::other_axis;
  return column;
}

bool is_unit_of_any_kind(std::string_view folded) {
  const std::string_view text = trimmed_name(folded);
  if (text.empty() || xrd::parse_unit(text)) return true;
  constexpr std::string_view units[] = {
      "au",   "arbunits", "arbu", "arbitraryunits", "counts",    "cts",   "cps", "counts/s", "cts/s", "count",
      "(au)", "[au]",     "%",    "deg2th",         "deg2theta", "imp/s", "rel", "relunits", "a"};
  std::string name = normal(text);
  std::erase_if(name, [](char c) { return c == '(' || c == ')' || c == '[' || c == ']'; });
  return is_one_of(name, units);
}

}  // namespace bragg::data
