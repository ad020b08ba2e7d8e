#include "data/formats/header_radiation.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "data/formats/header_statement.h"
#include "data/formats/text_rows.h"
#include "xrd/folded_text.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

using Kind = RadiationStatement::Kind;
using Label = RadiationStatement::Label;

/// Two statements of one wavelength differ by no more, relatively: some files round to four decimals.
constexpr double same_value = 2e-4;
/// An anode's line and the number beside it: old tables and kX units differ by 0.2 %.
constexpr double same_line = 5e-3;
/// Numbers below this without a unit are metres.
constexpr double largest_metres = 1e-8;
/// Longer lines are data, not words.
constexpr std::size_t longest_line = 4096;

bool agree(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * std::abs(b);
}

struct Said {
  RadiationStatement what;
  std::size_t number;
  std::string_view text;
};

class Judge {
 public:
  explicit Judge(std::vector<Said> said) : said_(std::move(said)) {}

  Radiation judge() {
    gather();
    if (result_.fault) return std::move(result_);
    take_values();
    if (!result_.fault) take_anode();
    if (!result_.fault) convert_by();
    warn_of_unclear();
    return std::move(result_);
  }

 private:
  void fail(const Said& at, const std::string& reason) {
    if (!result_.fault)
      result_.fault = fmt::format("line {}: {} ({})", at.number + 1, reason, quoted_line(at.text));
  }
  void warn(const Said& at, const std::string& what) {
    result_.warnings.push_back(fmt::format("line {}: {} ({})", at.number + 1, what, quoted_line(at.text)));
  }

  void gather() {
    xrd::WrittenUnit unit;
    bool has_unit = false;
    for (const Said& said : said_) {
      if (said.what.kind != Kind::unit) continue;
      unit = said.what.unit;
      has_unit = true;
    }
    for (Said& said : said_) {
      RadiationStatement& what = said.what;
      if (what.kind == Kind::foreign) {
        fail(said, "the radiation is not X-rays");
        result_.is_no_xrays = true;
      }
      if (what.kind == Kind::alpha2_removed) alpha2_removed_ = true;
      if (what.kind == Kind::ratio && what.value >= 0 && what.value <= 1) ratio_ = what.value;
      if (what.kind == Kind::ratio && !(what.value >= 0 && what.value <= 1))
        warn(said, fmt::format("ratio {} of K alpha 2 to K alpha 1 is not used", what.value));
      if (what.kind != Kind::value || what.label == Label::beta) continue;
      if (!what.has_unit && has_unit) {
        what.value = unit.kind == xrd::UnitKind::energy ? xrd::kev_angstrom / (what.value * unit.factor)
                                                        : what.value * unit.factor;
      } else if (!what.has_unit && what.value > 0 && what.value < largest_metres) {
        what.value *= 1e10;
      } else if (!what.has_unit && xrd::may_be_nanometres(what.value)) {
        fail(said, fmt::format("wavelength {} may be A or nm: no unit is stated", what.value));
      }
      if (what.label == Label::alpha2 && what.value == 0) continue;  // "no second one"
      if (!xrd::is_usable_wavelength(what.value)) {
        fail(said, fmt::format("wavelength {:.6g} A is outside {}..{} A", what.value,
                               xrd::shortest_wavelength, xrd::longest_wavelength));
      }
      values_.push_back(&said);
    }
  }

  /// The distinct values with that label, first ones kept.
  std::vector<const Said*> distinct(Label label) const {
    std::vector<const Said*> found;
    for (const Said* said : values_) {
      if (said->what.label != label) continue;
      const bool known = std::any_of(found.begin(), found.end(), [&](const Said* other) {
        return agree(said->what.value, other->what.value, same_value);
      });
      if (!known) found.push_back(said);
    }
    return found;
  }

  void contradict(const Said& a, const Said& b) {
    fail(b, fmt::format("wavelength {:.6g} A contradicts {:.6g} A of line {}", b.what.value, a.what.value,
                        a.number + 1));
  }

  void take_values() {
    auto first = distinct(Label::alpha1), second = distinct(Label::alpha2), plain = distinct(Label::none);
    for (const auto* list : {&first, &second}) {
      if (list->size() > 1) return contradict(*(*list)[0], *(*list)[1]);
    }
    if (first.empty() && plain.size() == 2 && second.empty()) {
      const Said *low = plain[0], *high = plain[1];
      if (low->what.value > high->what.value) std::swap(low, high);
      if (!is_pair(low->what.value, high->what.value)) return contradict(*plain[0], *plain[1]);
      first = {low};
      second = {high};
      plain.clear();
    }
    if (!first.empty()) result_.wavelength = first[0]->what.value;
    if (!second.empty()) result_.alpha2 = second[0]->what.value;
    if (result_.alpha2 && result_.wavelength) {
      if (agree(*result_.alpha2, *result_.wavelength, 1e-6))
        result_.alpha2.reset();
      else if (!agree(*result_.alpha2, *result_.wavelength, 0.03))
        return contradict(*first[0], *second[0]);
    }
    for (const Said* said : plain) {
      if (!result_.wavelength) {
        result_.wavelength = said->what.value;
      } else if (!is_known(said->what.value)) {
        return contradict(first.empty() ? *plain[0] : *first[0], *said);
      }
    }
    if (!result_.wavelength && result_.alpha2) {
      warn(*second[0], "only the wavelength of K alpha 2 is stated; it is not used");
      result_.alpha2.reset();
    }
    for (const Said* said : values_) {
      if (said->what.odd_words)
        warn(*said, fmt::format("wavelength {:.6g} A was read from it", said->what.value));
    }
  }

  /// K alpha 1 and 2 of one anode?
  static bool is_pair(double low, double high) {
    const auto lines = xrd::anodes();
    return std::any_of(lines.begin(), lines.end(), [&](const xrd::Anode& anode) {
      return agree(low, anode.k_alpha1, 1e-3) && agree(high, anode.k_alpha2, 1e-3) &&
             high - low > 0.3 * (anode.k_alpha2 - anode.k_alpha1);
    });
  }

  /// Is it the wavelength that is taken, its pair or their mean?
  bool is_known(double value) const {
    const double low = *result_.wavelength, high = result_.alpha2.value_or(low);
    return value >= std::min(low, high) * (1 - same_value) && value <= std::max(low, high) * (1 + same_value);
  }

  void take_anode() {
    std::vector<const Said*> named;
    const auto gather_lines = [&](bool keys) {
      for (const Said& said : said_) {
        if (said.what.kind == Kind::line && said.what.line.anode && said.what.is_key == keys)
          named.push_back(&said);
      }
    };
    gather_lines(true);
    if (named.empty()) gather_lines(false);
    if (named.empty()) return warn_of_nameless();
    const auto& anode = *named[0]->what.line.anode;
    const auto other = std::find_if(named.begin(), named.end(),
                                    [&](const Said* said) { return said->what.line.anode != &anode; });
    if (other == named.end()) result_.anode = anode.symbol;
    if (result_.wavelength) {
      const bool fits = std::any_of(named.begin(), named.end(), [&](const Said* said) {
        const auto& a = *said->what.line.anode;
        return agree(*result_.wavelength, a.k_alpha(), same_line) ||
               agree(*result_.wavelength, a.k_beta1, same_line) ||
               agree(*result_.wavelength, a.k_alpha1, 1.2e-2);
      });
      if (!fits) {
        warn(*named[0], fmt::format("anode {} contradicts the wavelength {:.6g} A, which is used",
                                    anode.symbol, *result_.wavelength));
      }
      return;
    }
    if (other != named.end()) {
      return fail(**other,
                  fmt::format("anode {} contradicts anode {} of line {}", (*other)->what.line.anode->symbol,
                              anode.symbol, named[0]->number + 1));
    }
    take_lines_of(anode, named);
  }

  void take_lines_of(const xrd::Anode& anode, const std::vector<const Said*>& named) {
    auto line = xrd::KLine::unnamed;
    for (const Said* said : named) {
      if (said->what.line.line != xrd::KLine::unnamed) line = said->what.line.line;
    }
    for (const Said& said : said_) {  // "Used wavelength: K-Alpha 1"
      if (line == xrd::KLine::unnamed && said.what.kind == Kind::line && !said.what.line.anode)
        line = said.what.line.line;
    }
    result_.is_of_anode = true;
    if (line == xrd::KLine::beta || line == xrd::KLine::alpha2) {
      result_.wavelength = line == xrd::KLine::beta ? anode.k_beta1 : anode.k_alpha2;
      return;
    }
    result_.wavelength = anode.k_alpha1;
    if (line != xrd::KLine::alpha1) result_.alpha2 = anode.k_alpha2;
  }

  void warn_of_nameless() {
    if (result_.wavelength) return;
    for (const Said& said : said_) {
      if (said.what.kind == Kind::line) return warn(said, "a wavelength's line is named, but not its anode");
    }
  }

  void convert_by() {
    if (!result_.wavelength) return;
    const double first = *result_.wavelength;
    // A doublet's intensities are as 2 to 1 (2j + 1 of the level).
    const double ratio = ratio_.value_or(0.5);
    result_.position_wavelength = first;
    if (result_.alpha2) result_.alpha2_ratio = alpha2_removed_ ? std::optional<double>(0) : ratio_;
    if (result_.alpha2 && !alpha2_removed_)
      result_.position_wavelength = (first + ratio * *result_.alpha2) / (1 + ratio);
  }

  void warn_of_unclear() {
    for (const Said& said : said_) {
      if (said.what.kind != Kind::unclear || (!said.what.is_length && result_.wavelength)) continue;
      warn(said,
           said.what.is_length ? "the wavelength is not understood" : "the radiation is not understood");
    }
  }

  std::vector<Said> said_;
  std::vector<const Said*> values_;
  bool alpha2_removed_ = false;
  std::optional<double> ratio_;
  Radiation result_;
};

std::string folded(std::string_view line) {
  line = line.substr(0, longest_line);
  const std::size_t begin = line.find_first_not_of("#!;%'/* \t\f\v");
  return begin == std::string_view::npos ? std::string() : xrd::fold_to_ascii(line.substr(begin));
}

/// Most lines hold none of these: they need no closer look.
bool may_name_radiation(const std::string& line) {
  const std::string lower = xrd::lower_case(line);
  for (const char* part :
       {"wave",     "lam",       "labda",    "wl",     "alpha",  "ka",    "k-",    "k_",
        "k a",      "anod",      "radiat",   "target", "source", "tube",  "energ", "synchrotron",
        "wellen",   "longueur",  "longitud", "strahl", "ratio",  "i(l2)", "rohre", "rayonn",
        "anticath", "monochrom", "johans",   "e =",    "e=",     "x-ray", "xray"}) {
    if (lower.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

std::string quoted_line(std::string_view line) {
  constexpr std::size_t shown = 60;
  line = trimmed(line);
  std::string text;
  for (const char c : line.substr(0, shown))
    text += c >= ' ' && c <= '~' ? c : '?';
  return "'" + text + (line.size() > shown ? "...'" : "'");
}

Radiation find_radiation(std::span<const HeaderLine> lines) {
  std::vector<Said> said;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = folded(lines[i].text);
    if (!may_name_radiation(line)) continue;
    const std::string next = i + 1 < lines.size() ? folded(lines[i + 1].text) : std::string();
    for (const RadiationStatement& what : radiation_statements(line, next))
      said.push_back({what, lines[i].number, lines[i].text});
  }
  return Judge(std::move(said)).judge();
}

}  // namespace bragg::data
