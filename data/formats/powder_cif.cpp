#include "data/formats/powder_cif.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "data/formats/header_radiation.h"
#include "data/formats/powder_cif_tags.h"
#include "data/formats/range_list.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"
#include "data/formats/text_rows.h"
#include "xrd/cif/file.h"
#include "xrd/cif/grammar.h"
#include "xrd/cif/numbers.h"
#include "xrd/folded_text.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

std::string lower_text(const xrd::CifValue* value) {
  return value ? xrd::lower_case(plain_text(value->text)) : std::string();
}

/// Digits in brackets, in units of the last decimal: 160 of "5540(160)".
std::optional<double> su_of(std::string_view text) {
  const std::size_t open = text.find('('), close = text.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  const auto digits = xrd::parse_cif_number(text.substr(open + 1, close - open - 1));
  return digits ? std::optional(*digits * xrd::last_decimal(text)) : std::nullopt;
}

/// Blocks that describe one profile; a file has one or two.
constexpr std::size_t most_partners = 10;

class Reader {
 public:
  explicit Reader(const FileBytes& file) : name_(file.name) {
    try {
      text_ = xrd::check_cif_text(file.bytes, file.name);
      blocks_ = xrd::parse_blocks(text_, 1);
    } catch (const xrd::CifGrammarError& error) {
      throw Error(fmt::format("{}:{}: {}", file.name, error.line, error.what()));
    }
    for (const xrd::CifBlock& block : blocks_)
      last_line_ = std::max(last_line_, last_line_of(block));
    ends_within_line_ = !text_.empty() && text_.back() != '\n';
  }

  ReadScans read() {
    find_partners();
    std::string other;
    for (const xrd::CifBlock& block : blocks_) {
      const std::string why = other_profile(block);
      if (!why.empty()) other = fmt::format("block {}: {}", plain_text(block.name), why);
      if (!why.empty()) continue;
      if (const auto profile = find_profile(block)) read_block(block, *profile);
    }
    if (ranges_.count() == 0) {
      if (other.empty()) fail(1, "no loop of measured or processed intensities (_pd_meas_, _pd_proc_)");
      throw FormatRefused(fmt::format("powder CIF, {}; export the measured profile over 2 theta", other));
    }
    if (!other.empty()) ranges_.warn(other + "; it is not read");
    if (ends_within_line_)
      ranges_.warn("the last line has no end: the file may be cut off");
    else if (ends_in_loop())
      ranges_.warn("the file ends with a loop, and no number of points is declared: it may be cut off");
    return std::move(ranges_).finish();
  }

 private:
  [[noreturn]] void fail(int line, const std::string& reason) const {
    throw Error(fmt::format("{}:{}: {}", name_, line, reason));
  }

  static int last_line_of(const xrd::CifBlock& block) {
    int last = block.line;
    for (const xrd::CifItem& item : block.items)
      last = std::max(last, item.value.line);
    for (const xrd::CifLoop& loop : block.loops)
      last = std::max(last, loop.values.empty() ? loop.line : loop.values.back().line);
    return last;
  }

  double number(const xrd::CifValue& value, std::string_view tag) const {
    const auto number = xrd::parse_cif_number(value.text);
    if (!number || !std::isfinite(*number))
      fail(value.line, fmt::format("{} '{}' is no number", tag, plain_text(value.text).substr(0, 40)));
    return *number;
  }

  void read_block(const xrd::CifBlock& block, const ProfileTags& profile) {
    Scan scan;
    refuse_neutrons(block);
    const xrd::CifLoop& loop = *profile.intensity.loop;
    if (loop.values.size() % loop.tags.size() != 0)
      fail(loop.line, fmt::format("{} values in a loop of {} tags: it is cut off or damaged",
                                  loop.values.size(), loop.tags.size()));
    for (const xrd::CifNote& note : block.notes) {
      if (note.is_cut_off) fail(note.line, note.text);
    }
    scan.axis = profile.axis;
    scan.unit = profile.unit;
    check_points(block, profile);
    const std::vector<double> positions = positions_of(block, profile, scan);
    take_rows(profile, positions, scan);
    scan.scan_axis = profile.position ? std::string(profile.position.tag()) : "2theta";
    scan.notes.push_back(
        {"intensity",
         fmt::format("{}, {}", profile.intensity.tag(), profile.is_measured ? "as measured" : "processed"),
         fmt::format("line {}", loop.line)});
    describe(block, scan);
    ranges_.add(std::move(scan), [&](const std::string& reason) { fail(loop.line, reason); });
  }

  /// A block may keep its profile alone and the rest of the measurement in others, which name it.
  void find_partners() {
    for (const xrd::CifBlock& block : blocks_) {
      for (const xrd::CifValue* id : cif_values(block, "_pd_block_diffractogram_id")) {
        auto& named = partners_[id->text];
        if (named.size() < most_partners && (named.empty() || named.back() != &block))
          named.push_back(&block);
      }
    }
  }

  std::vector<const xrd::CifBlock*> with_partners(const xrd::CifBlock& block) const {
    std::vector<const xrd::CifBlock*> found{&block};
    const xrd::CifValue* id = cif_value(block, {"_pd_block_id"});
    const auto named = id ? partners_.find(id->text) : partners_.end();
    if (named == partners_.end()) return found;
    for (const xrd::CifBlock* other : named->second)
      if (other != &block) found.push_back(other);
    return found;
  }

  const xrd::CifValue* value(const xrd::CifBlock& block, std::initializer_list<std::string_view> tags) const {
    for (const xrd::CifBlock* one : with_partners(block)) {
      if (const xrd::CifValue* found = cif_value(*one, tags)) return found;
    }
    return nullptr;
  }

  void refuse_neutrons(const xrd::CifBlock& block) const {
    for (const std::string_view tag :
         {"_diffrn_radiation_probe", "_diffrn_radiation_type", "_diffrn_source"}) {
      const xrd::CifValue* found = value(block, {tag});
      for (const char* probe : {"neutron", "electron", "nuclear reactor", "spallation", "gamma"}) {
        if (lower_text(found).find(probe) == std::string::npos) continue;
        throw FormatRefused(fmt::format("powder CIF, line {}: {} '{}' is no X-ray pattern", found->line, tag,
                                        plain_text(found->text)));
      }
    }
  }

  /// The number of rows that the block announces; a loop that was cut off at the end of a row shows only so.
  void check_points(const xrd::CifBlock& block, const ProfileTags& profile) {
    const xrd::CifValue* declared =
        value(block, {profile.is_measured ? "_pd_meas_number_of_points" : "_pd_proc_number_of_points"});
    if (!declared) return;
    counted_.insert(profile.intensity.loop);
    const double points = number(*declared, "the number of points");
    const double rows = static_cast<double>(profile.intensity.loop->rows());
    if (points > rows && profile.is_measured)
      fail(declared->line, fmt::format("{} points are declared, but the loop in line {} has {} rows", points,
                                       profile.intensity.loop->line, rows));
    if (points != rows)
      ranges_.warn(fmt::format("line {}: {} points are declared, but the loop has {} rows", declared->line,
                               points, rows));
  }

  /// Nothing shows then that its rows are all. A comment behind it ("#END") does.
  bool ends_in_loop() const {
    const std::string_view text = std::string_view(text_).substr(0, text_.find_last_not_of(" \t\r\n") + 1);
    const std::string_view last = trimmed(text.substr(text.find_last_of('\n') + 1));
    if (last.starts_with('#')) return false;
    // Tags without their values.
    if (last == "loop_" || (last.starts_with('_') && last.find_first_of(" \t") == std::string_view::npos))
      return true;
    return std::any_of(blocks_.begin(), blocks_.end(), [&](const xrd::CifBlock& block) {
      return std::any_of(block.loops.begin(), block.loops.end(), [&](const xrd::CifLoop& loop) {
        return !loop.values.empty() && loop.values.back().line == last_line_ && !counted_.contains(&loop);
      });
    });
  }

  /// One for each row; NaN where the row has none.
  std::vector<double> positions_of(const xrd::CifBlock& block, const ProfileTags& profile, Scan& scan) const {
    const std::size_t rows = profile.intensity.loop->rows();
    std::vector<double> positions(rows, std::numeric_limits<double>::quiet_NaN());
    if (profile.position) {
      for (std::size_t row = 0; row < rows; ++row) {
        if (!profile.position.at(row).is_null())
          positions[row] = number(profile.position.at(row), profile.position.tag());
      }
      return positions;
    }
    for (const std::string prefix :
         {profile.is_measured ? "_pd_meas_2theta_range_" : "_pd_proc_2theta_range_",
          profile.is_measured ? "_pd_proc_2theta_range_" : "_pd_meas_2theta_range_"}) {
      const xrd::CifValue *first = value(block, {prefix + "min"}), *last = value(block, {prefix + "max"}),
                          *step = value(block, {prefix + "inc"});
      if (!first || !step) continue;
      const double start = number(*first, prefix + "min"), width = number(*step, prefix + "inc");
      const double end = start + width * static_cast<double>(rows - 1);
      if (!last)
        fail(first->line, fmt::format("{}min without {}max: nothing shows that the {} rows are all", prefix,
                                      prefix, rows));
      if (!(width > 0) || std::abs(number(*last, prefix + "max") - end) > 0.75 * width)
        fail(step->line, fmt::format("{} rows from {} in steps of {} end at {:.6g}, not at {}max {}: rows "
                                     "are missing or in excess",
                                     rows, start, width, end, prefix, last->text));
      scan.notes.push_back({"positions", fmt::format("{} rows from {} in steps of {}", rows, start, width),
                            fmt::format("line {}", first->line)});
      return even_positions(start, width, rows);
    }
    fail(profile.intensity.loop->line,
         fmt::format(
             "{} without positions: no 2 theta in the loop and no _pd_meas_2theta_range_min, _max and _inc",
             profile.intensity.tag()));
  }

  void take_rows(const ProfileTags& profile, const std::vector<double>& positions, Scan& scan) const {
    std::vector<double> su;
    std::size_t without = 0, with_su = 0;
    for (std::size_t row = 0; row < positions.size(); ++row) {
      const xrd::CifValue& written = profile.intensity.at(row);
      if (written.is_null() || std::isnan(positions[row])) {
        ++without;
        continue;
      }
      scan.x.push_back(positions[row]);
      scan.intensity.push_back(number(written, profile.intensity.tag()));
      std::optional<double> error = su_of(written.text);
      if (profile.uncertainty && !profile.uncertainty.at(row).is_null())
        error = number(profile.uncertainty.at(row), profile.uncertainty.tag());
      if (error) ++with_su;
      su.push_back(error.value_or(0));
    }
    if (without > 0)
      scan.notes.push_back(
          {"rows", fmt::format("{} of {} rows have no value and are left out", without, positions.size()),
           fmt::format("line {}", profile.intensity.loop->line)});
    if (with_su == scan.x.size()) scan.uncertainty = std::move(su);
  }

  void describe(const xrd::CifBlock& block, Scan& scan) const {
    const auto words = [&](std::initializer_list<std::string_view> tags) {
      const xrd::CifValue* found = value(block, tags);
      return found ? plain_text(found->text) : std::string();
    };
    scan.instrument = words({"_diffrn_measurement_device_type", "_pd_instr_location"});
    scan.sample = words(
        {"_chemical_name_common", "_chemical_name_mineral", "_pd_phase_name", "_chemical_name_systematic"});
    if (scan.sample.empty()) scan.sample = plain_text(block.name);
    scan.monochromator = words({"_diffrn_radiation_monochromator", "_pd_instr_monochr_pre_spec"});
    scan.geometry = words({"_pd_instr_geometry", "_pd_spec_mount_mode"});
    scan.date = iso_date(words({"_pd_meas_datetime_initiated"}));
    if (const xrd::CifValue* time = value(block, {"_pd_meas_step_count_time", "_pd_meas_counts_time"}))
      scan.counting_time = number(*time, "the counting time");
    set_lines(block, scan);
  }

  struct Line {
    double wavelength = 0, weight = 1;
    int number = 0;
  };
  /// The wavelengths of the block, else of a partner.
  std::vector<Line> lines_of(const xrd::CifBlock& block) const {
    std::vector<Line> lines;
    for (const xrd::CifBlock* one : with_partners(block)) {
      const auto weights = cif_values(*one, "_diffrn_radiation_wavelength_wt");
      for (const std::string_view tag : {"_diffrn_radiation_wavelength", "_pd_proc_wavelength"}) {
        const auto values = cif_values(*one, tag);
        for (std::size_t k = 0; k < values.size(); ++k) {
          if (values[k]->is_null()) continue;
          Line line{number(*values[k], tag), 1, values[k]->line};
          if (weights.size() == values.size() && !weights[k]->is_null())
            line.weight = number(*weights[k], "_diffrn_radiation_wavelength_wt");
          lines.push_back(line);
        }
        if (!lines.empty()) return lines;
      }
    }
    return lines;
  }

  void set_lines(const xrd::CifBlock& block, Scan& scan) const {
    std::vector<Line> lines = lines_of(block);
    StatedRadiation tube;
    const xrd::CifValue* type =
        value(block, {"_diffrn_radiation_type", "_diffrn_source_target", "_diffrn_radiation_source"});
    if (type) tube.from = fmt::format("line {}", type->line);
    // "Cu K\\a" names an anode, "synchrotron" none.
    if (type && xrd::scan_spectral_line(xrd::fold_to_ascii(type->text), 0))
      tube.anode = std::string(type->text);
    if (!lines.empty()) tube.from = fmt::format("line {}", lines[0].number);
    if (lines.size() > 2) {
      scan.radiation.fault = fmt::format("{}: {} wavelengths are named", tube.from, lines.size());
      return;
    }
    if (lines.size() == 2) {
      if (lines[0].wavelength > lines[1].wavelength) std::swap(lines[0], lines[1]);
      tube.alpha2 = lines[1].wavelength;
      if (lines[0].weight != lines[1].weight) tube.ratio = lines[1].weight / lines[0].weight;
    }
    if (!lines.empty()) tube.alpha1 = lines[0].wavelength;
    set_radiation(scan, tube);
    if (!scan.radiation.wavelength && !scan.radiation.fault)
      scan.warnings.push_back("no wavelength is named: the file may be cut off");
  }

  const std::string& name_;
  std::string text_;
  std::vector<xrd::CifBlock> blocks_;
  RangeList ranges_;
  std::map<std::string_view, std::vector<const xrd::CifBlock*>>
      partners_;                           ///< by the identifier that they name
  std::set<const xrd::CifLoop*> counted_;  ///< those whose number of rows is declared
  bool ends_within_line_ = false;
  int last_line_ = 0;
};

/// A block, and a tag of a profile anywhere: the loop may stand at the end.
bool looks_like(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 16384);
  if (head.find('\0') != std::string_view::npos) return false;
  const std::size_t block = head.find("data_");
  if (block == std::string_view::npos ||
      (block > 0 && head[block - 1] != '\n' && head[block - 1] != '\r' && head[block - 1] != '\xBF'))
    return false;
  for (const char* tag : {"_pd_meas_intensity", "_pd_meas_counts", "_pd_proc_intensity", "_pd_calc_intensity",
                          "_pd_meas.intensity", "_pd_meas.counts", "_pd_proc.intensity", "_pd_calc.intensity",
                          "_pd_meas_time_of_flight"}) {
    if (bytes.find(tag) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

const Format& powder_cif_format() {
  static const Format format{"powder CIF", {".cif", ".pdcif", ".rtv"}, looks_like, [](const FileBytes& file) {
                               return Reader(file).read();
                             }};
  return format;
}

}  // namespace bragg::data
