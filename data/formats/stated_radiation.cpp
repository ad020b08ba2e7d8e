#include "data/formats/stated_radiation.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

/// K alpha 1 and 2 of an anode differ by less, relatively.
constexpr double widest_doublet = 0.03;
/// An anode's line and the number beside it: old tables and kX units differ by 0.2 %.
constexpr double same_line = 5e-3;
/// Programs write one wavelength twice.
constexpr double same_value = 1e-6;
/// A doublet's intensities are as 2 to 1 (2j + 1 of the level).
constexpr double usual_ratio = 0.5;

bool is_stated(const std::optional<double>& value) {
  return value && *value != 0 && !std::isnan(*value);
}

std::optional<xrd::WrittenLine> find_anode(const std::string& name) {
  return xrd::scan_spectral_line(xrd::fold_to_ascii(name), 0);
}

class Judge {
 public:
  explicit Judge(const StatedRadiation& stated) : stated_(stated), anode_(find_anode(stated.anode)) {}

  void judge() {
    judge_numbers();
    if (!radiation.fault) judge_anode();
    if (radiation.fault || !radiation.wavelength) return;
    judge_ratio();
    const double first = *radiation.wavelength;
    radiation.position_wavelength = first;
    if (!radiation.alpha2) return;
    const double weight = ratio.value_or(usual_ratio);
    radiation.position_wavelength = (first + weight * *radiation.alpha2) / (1 + weight);
  }

  Radiation radiation;
  std::optional<double> ratio;
  std::vector<ReadingNote> notes;

 private:
  std::string placed(const std::string& reason) const {
    return stated_.from.empty() ? reason : fmt::format("{}: {}", stated_.from, reason);
  }
  void warn(const std::string& what) { radiation.warnings.push_back(placed(what)); }
  void fail(const std::string& reason) {
    if (!radiation.fault) radiation.fault = placed(reason);
  }
  void note(const std::string& how) { notes.push_back({"wavelength", how, stated_.from}); }

  bool stands_alone() const { return stated_.used == xrd::KLine::beta || stated_.used == xrd::KLine::alpha2; }

  std::optional<double> usable(const std::optional<double>& value, const char* what) {
    if (!is_stated(value)) return std::nullopt;
    if (xrd::is_usable_wavelength(*value)) return value;
    fail(fmt::format("{} {:.6g} A is outside {}..{} A", what, *value, xrd::shortest_wavelength,
                     xrd::longest_wavelength));
    return std::nullopt;
  }

  void judge_numbers() {
    if (stands_alone()) {
      const bool is_beta = stated_.used == xrd::KLine::beta;
      radiation.wavelength = usable(is_beta ? stated_.beta : stated_.alpha2, "wavelength");
      note(fmt::format("the wavelength is that of K {}, for which it was measured",
                       is_beta ? "beta" : "alpha 2"));
      return;
    }
    radiation.wavelength = usable(stated_.alpha1, "wavelength");
    radiation.alpha2 = usable(stated_.alpha2, "wavelength of K alpha 2");
    if (radiation.fault || !radiation.alpha2) return;
    const double second = *radiation.alpha2;
    if (!radiation.wavelength) {
      warn("only the wavelength of K alpha 2 is stated; it is not used");
      radiation.alpha2.reset();
      return;
    }
    const double first = *radiation.wavelength;
    if (std::abs(second / first - 1) <= same_value) radiation.alpha2.reset();
    if (std::abs(second / first - 1) > widest_doublet)
      fail(fmt::format("K alpha 2 of {:.6g} A is no neighbour of K alpha 1 of {:.6g} A", second, first));
  }

  void judge_anode() {
    if (stated_.anode.empty()) return;
    if (!anode_) {
      if (!radiation.wavelength) warn(fmt::format("the anode {} is not known", quoted_line(stated_.anode)));
      return;
    }
    if (!radiation.wavelength) return take_lines_of_anode();
    const xrd::Anode& anode = *anode_->anode;
    const double lines[] = {anode.k_alpha1, anode.k_alpha2, anode.k_alpha(), anode.k_beta1};
    const bool fits = std::any_of(std::begin(lines), std::end(lines), [&](double line) {
      return std::abs(*radiation.wavelength / line - 1) <= same_line;
    });
    if (!fits)
      warn(fmt::format("anode {} contradicts the wavelength {:.6g} A, which is used", anode.symbol,
                       *radiation.wavelength));
  }

  void take_lines_of_anode() {
    const xrd::Anode& anode = *anode_->anode;
    const xrd::KLine line = stated_.used == xrd::KLine::unnamed ? anode_->line : stated_.used;
    radiation.is_of_anode = true;
    if (line == xrd::KLine::beta || line == xrd::KLine::alpha2) {
      radiation.wavelength = line == xrd::KLine::beta ? anode.k_beta1 : anode.k_alpha2;
    } else {
      radiation.wavelength = anode.k_alpha1;
      const bool is_pair = line != xrd::KLine::alpha1 && !(stated_.ratio && *stated_.ratio == 0);
      if (is_pair) radiation.alpha2 = anode.k_alpha2;
    }
    note(fmt::format("of the anode {}: the file has no numbers", anode.symbol));
  }

  void judge_ratio() {
    if (!radiation.alpha2) return;
    if (stated_.ratio && !(*stated_.ratio >= 0 && *stated_.ratio <= 1))
      warn(fmt::format("ratio {} of K alpha 2 to K alpha 1 is not used", *stated_.ratio));
    else
      ratio = stated_.ratio;
    const bool is_first_alone = stated_.used == xrd::KLine::alpha1;
    if (is_first_alone || !stated_.alpha2_remover.empty()) ratio = 0;
    if (!ratio || *ratio != 0) return;
    note(fmt::format("positions are those of K alpha 1: {}",
                     is_first_alone ? "the file says that it was used alone"
                     : stated_.alpha2_remover.empty()
                         ? "no K alpha 2 is left in the beam, as the file says"
                         : fmt::format("{} removes K alpha 2", stated_.alpha2_remover)));
  }

  const StatedRadiation& stated_;
  std::optional<xrd::WrittenLine> anode_;
};

}  // namespace

Radiation radiation_of(const StatedRadiation& stated) {
  Judge judge(stated);
  judge.judge();
  return std::move(judge.radiation);
}

void set_radiation(Scan& scan, const StatedRadiation& stated) {
  Judge judge(stated);
  judge.judge();
  scan.radiation = std::move(judge.radiation);
  scan.alpha2_ratio = judge.ratio;
  scan.anode = anode_symbol(stated.anode);
  scan.notes.insert(scan.notes.end(), judge.notes.begin(), judge.notes.end());
}

xrd::KLine used_line(std::string_view word) {
  const auto line = xrd::scan_k_line(xrd::fold_to_ascii(word), 0);
  return line ? line->line : xrd::KLine::unnamed;
}

std::string anode_symbol(const std::string& name) {
  const auto found = find_anode(name);
  return found ? std::string(found->anode->symbol) : name;
}

}  // namespace bragg::data
