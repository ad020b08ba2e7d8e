#include "data/formats/header_axis.h"

#include <algorithm>
#include <numbers>

#include <fmt/format.h>

#include "data/formats/header_fields.h"
#include "data/formats/header_statement.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

using Role = ColumnName::Role;

constexpr const char* needed = "degrees of 2 theta or theta, q or s (1/A, 1/nm) or d (A, nm) are needed";
/// Lines of a header that are looked at; what stands farther up names no columns.
constexpr std::size_t looked_at = 200;

/// Column names found on a line, or a single axis that a key names.
struct Found {
  std::vector<ColumnName> columns;
  std::size_t line = 0;  ///< index into the header
};

class Header {
 public:
  Header(std::span<const HeaderLine> lines, const Dialect& dialect, int columns)
      : dialect_(dialect), columns_(static_cast<std::size_t>(columns)) {
    for (const HeaderLine& line : lines.last(std::min(lines.size(), looked_at))) {
      if (trimmed(line.text).empty()) continue;
      lines_.push_back(line);
    }
  }

  std::optional<ColumnChoice> choose() {
    find_keys();
    auto names = find_names();
    if (!names && key_axis_) names = Found{{*key_axis_}, key_line_};
    if (!names) {
      if (key_unit_ && key_unit_->kind != xrd::UnitKind::angle)
        throw HeaderRefused(lines_[key_line_].number, fmt::format("{} gives the axis a unit and no name; {}",
                                                                  quoted(key_line_), needed));
      if (!key_unit_) return std::nullopt;
      names = Found{{parse_column_name("2theta")}, key_line_};
    }
    take_units_of_next_line(*names);
    pick_columns(*names);
    return finish(*names);
  }

 private:
  std::string quoted(std::size_t line) const { return quoted_line(lines_[line].text); }
  [[noreturn]] void refuse(const Found& at, const std::string& reason) const {
    throw HeaderRefused(lines_[at.line].number, reason);
  }

  /// "x_units: q", "x axis: q [nm^-1]", "unit": "2th_deg", "_DRIVE='PHI'".
  void find_keys() {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      for (const auto& [key, value] : header_entries(lines_[i].text)) {
        if (is_scan_key(key)) {
          if (const auto other = scanned_otherwise(value))
            throw HeaderRefused(lines_[i].number,
                                fmt::format("the scan is over {} ({}); {}", *other, quoted(i), needed));
          continue;
        }
        if (!is_axis_key(key)) continue;
        const bool vague = is_vague_axis_key(key);
        const ColumnName column = parse_column_name(value);
        if (column.role == Role::empty) continue;
        if (const auto unit = xrd::parse_unit(value)) {
          if (vague) continue;  // "unit": "m" of something else
          key_unit_ = unit;
          key_line_ = i;
        } else if (vague && (column.role != Role::axis && column.role != Role::other_axis)) {
          continue;
        } else if (vague && column.is_short && !column.unit) {
          continue;
        } else {
          if (column.role != Role::axis) {
            throw HeaderRefused(lines_[i].number,
                                fmt::format("the axis is '{}' ({}); {}", column.label, quoted(i), needed));
          }
          if (key_axis_ && key_axis_->quantity != column.quantity) {
            throw HeaderRefused(lines_[i].number,
                                fmt::format("the axis is '{}' here and '{}' on line {}", column.label,
                                            key_axis_->label, lines_[key_line_].number + 1));
          }
          key_axis_ = column;
          key_line_ = i;
        }
      }
    }
  }

  /// First lines whose words are known, the nearest to the rows; then names of nothing known right above
  /// them.
  std::optional<Found> find_names() const {
    for (std::size_t i = lines_.size(); i-- > 0;) {
      auto columns = names_of(i);
      if (!columns.empty()) return Found{std::move(columns), i};
    }
    if (lines_.empty()) return std::nullopt;
    std::size_t last = lines_.size() - 1;
    if (last > 0 && holds_units(header_fields(lines_[last].text, dialect_))) --last;
    const auto fields = header_fields(lines_[last].text, dialect_);
    if (!fields.is_separated || fields.is_comment || fields.fields.size() != columns_) return std::nullopt;
    if (std::any_of(fields.fields.begin(), fields.fields.end(), is_plain_number)) return std::nullopt;
    if (!radiation_statements(xrd::fold_to_ascii(lines_[last].text), "").empty()) return std::nullopt;
    Found found{{}, last};
    for (const std::string& field : fields.fields)
      found.columns.push_back(parse_column_name(field));
    return found;
  }

  static bool holds_units(const HeaderFields& fields) {
    return fields.fields.size() > 1 &&
           std::all_of(fields.fields.begin(), fields.fields.end(), is_unit_of_any_kind);
  }

  /// Column names on line i; empty where it holds none.
  std::vector<ColumnName> names_of(std::size_t i) const {
    const auto fields = header_fields(lines_[i].text, dialect_);
    if (fields.fields.empty() || fields.is_sentence) return {};
    auto named_by_words = name_of_several_words(fields, i);
    if (!named_by_words.empty()) return named_by_words;
    if (fields.fields.size() > columns_ + 2) return {};
    if (i > 0 && holds_units(fields)) return {};
    if (fields.fields.size() > 1 && !fields.is_separated && names_intensity_alone(i + 1)) {
      const ColumnName column = parse_column_name(fields.whole);
      return is_label_alone(column, fields, i) ? std::vector{column} : std::vector<ColumnName>();
    }
    std::vector<ColumnName> columns;
    for (const std::string& field : fields.fields) {
      if (is_plain_number(field)) return {};
      columns.push_back(parse_column_name(field));
    }
    while (columns.size() > columns_ && columns.back().role == Role::empty)
      columns.pop_back();
    return are_names(columns, fields, i) ? columns : std::vector<ColumnName>();
  }

  /// "Radial Distance (mm) Intensity": blanks part the columns and the words of the first one's name alike.
  std::vector<ColumnName> name_of_several_words(const HeaderFields& fields, std::size_t i) const {
    constexpr std::size_t most_words = 5;
    const std::size_t count = fields.fields.size();
    if (fields.is_separated || columns_ < 2 || count <= columns_ || count - columns_ + 1 > most_words)
      return {};
    const std::size_t words = count - columns_ + 1;
    std::string name = fields.fields[0];
    for (std::size_t k = 1; k < words; ++k)
      name += " " + fields.fields[k];
    std::vector<ColumnName> columns{parse_column_name(name)};
    for (std::size_t k = words; k < count; ++k)
      columns.push_back(parse_column_name(fields.fields[k]));
    const auto is_measured = [](const ColumnName& c) {
      return c.role == Role::intensity || c.role == Role::uncertainty;
    };
    if (columns[1].role != Role::intensity || columns[1].is_short ||
        !std::all_of(columns.begin() + 1, columns.end(), is_measured))
      return {};
    const ColumnName& first = columns.front();
    const bool has_unit = first.unit || !first.odd_unit.empty();
    const bool is_name = is_any_axis(first) || has_unit || (is_last(i) && !fields.is_comment);
    return is_name && !is_measured(first) ? columns : std::vector<ColumnName>();
  }

  static bool is_any_axis(const ColumnName& column) {
    return column.role == Role::axis || column.role == Role::other_axis;
  }

  bool are_names(const std::vector<ColumnName>& columns, const HeaderFields& fields, std::size_t i) const {
    const auto count = [&](auto is) { return std::count_if(columns.begin(), columns.end(), is); };
    const auto intensities =
        count([](const ColumnName& c) { return c.role == Role::intensity && c.label.size() > 1; });
    const auto unknown = count([](const ColumnName& c) { return c.role == Role::unknown; });
    const ColumnName& first = columns.front();
    if (columns.size() == 1) return is_label_alone(first, fields, i);
    if (columns.size() > columns_) return is_any_axis(first) && columns[1].role == Role::intensity;
    if (count(is_any_axis) > 0 && unknown == 0) {
      return count([](const ColumnName& c) { return c.role == Role::intensity; }) > 0 ||
             first.role == Role::axis || fields.is_separated;
    }
    const bool complete = columns.size() == columns_;
    if (!complete) return false;
    if (first.role == Role::axis)
      return !first.is_short || first.unit || !fields.is_comment || intensities > 0;
    if (first.role == Role::other_axis)
      return first.unit || intensities > 0 || (fields.is_separated && !fields.is_comment);
    if (count(is_any_axis) > 0 && intensities > 0) return true;
    return is_last(i) && first.role == Role::unknown && columns[1].role == Role::intensity;
  }

  bool is_last(std::size_t i) const { return i + 1 == lines_.size(); }

  bool names_intensity_alone(std::size_t i) const {
    if (i >= lines_.size()) return false;
    const auto fields = header_fields(lines_[i].text, dialect_);
    return fields.fields.size() == 1 && parse_column_name(fields.fields[0]).role == Role::intensity;
  }

  /// "Q (Inverse Nanometres)" on a line of its own, as Fit2D writes it: the intensity's name follows.
  bool is_label_alone(const ColumnName& column, const HeaderFields& fields, std::size_t i) const {
    const bool intensity_follows = names_intensity_alone(i + 1);
    const bool unit_follows =
        i + 1 < lines_.size() && xrd::parse_unit(xrd::fold_to_ascii(trimmed(lines_[i + 1].text)));
    if (column.role == Role::axis)
      return !column.is_short || column.unit || intensity_follows || unit_follows;
    if (column.role == Role::other_axis) return intensity_follows || (column.unit && !fields.is_comment);
    return column.role == Role::unknown && intensity_follows && !fields.is_comment && i > 0;
  }

  /// Origin and others write units under the names.
  void take_units_of_next_line(Found& names) const {
    if (names.line + 1 >= lines_.size() || names.columns.empty()) return;
    const auto next = header_fields(lines_[names.line + 1].text, dialect_);
    if (next.fields.empty() || !std::all_of(next.fields.begin(), next.fields.end(), is_unit_of_any_kind))
      return;
    for (std::size_t c = 0; c < std::min(next.fields.size(), names.columns.size()); ++c) {
      ColumnName& column = names.columns[c];
      if (!column.unit && column.odd_unit.empty()) column.unit = xrd::parse_unit(next.fields[c]);
    }
  }

  std::string list(const std::vector<ColumnName>& columns) const {
    std::string text;
    for (const ColumnName& column : columns)
      text += fmt::format("{}'{}'", text.empty() ? "" : ", ", column.label);
    return text;
  }

  void pick_columns(const Found& names) {
    const auto& columns = names.columns;
    std::optional<std::size_t> axis;
    for (std::size_t c = 0; c < columns.size() && c < columns_; ++c) {
      if (columns[c].role != Role::axis) continue;
      if (!axis) {
        axis = c;
      } else if (columns[c].quantity == columns[*axis].quantity) {
        refuse(names, fmt::format("columns {} and {} are both '{}': which one is meant? ({})", *axis + 1,
                                  c + 1, name_of(columns[c].quantity), list(columns)));
      } else if (is_better(columns[c], columns[*axis])) {
        axis = c;
      }
    }
    if (!axis) {
      const auto named = std::find_if(columns.begin(), columns.end(), [](const ColumnName& c) {
        return c.role != Role::intensity && c.role != Role::uncertainty && c.role != Role::empty;
      });
      if (named == columns.end())
        refuse(names, fmt::format("no column is named as the axis ({}); {}", list(columns), needed));
      refuse(names,
             fmt::format("the {} column is '{}'; {}",
                         ordinal(static_cast<std::size_t>(named - columns.begin())), named->label, needed));
    }
    choice_.axis_column = static_cast<int>(*axis);
    pick_intensity(names, *axis);
    const auto is_uncertainty = [](const ColumnName& c) { return c.role == Role::uncertainty; };
    if (std::count_if(columns.begin(), columns.end(), is_uncertainty) != 1) return;
    const auto at = std::find_if(columns.begin(), columns.end(), is_uncertainty) - columns.begin();
    if (static_cast<std::size_t>(at) < columns_) choice_.uncertainty_column = static_cast<int>(at);
  }

  static std::string ordinal(std::size_t c) {
    return c == 0 ? "first" : c == 1 ? "second" : c == 2 ? "third" : fmt::format("{}th", c + 1);
  }

  /// Of two axes the one whose unit is certain: 2 theta before theta and before q, s, d without a unit.
  static bool is_better(const ColumnName& a, const ColumnName& b) {
    if (a.quantity == AxisQuantity::two_theta) return b.quantity == AxisQuantity::theta || !b.unit;
    return a.unit && !b.unit && b.quantity != AxisQuantity::two_theta && b.quantity != AxisQuantity::theta;
  }

  void pick_intensity(const Found& names, std::size_t axis) {
    const auto& columns = names.columns;
    std::vector<std::size_t> sure, possible;
    for (std::size_t c = 0; c < columns_; ++c) {
      if (c == axis) continue;
      const Role role = c < columns.size() ? columns[c].role : Role::unknown;
      if (role == Role::intensity) sure.push_back(c);
      if (role == Role::unknown) possible.push_back(c);
    }
    if (columns.size() == 1) {
      // The axis alone is named: what stands beside it is the intensity, as without names.
      if (columns_ > 3)
        refuse(names, fmt::format("{} columns, and none is named as the intensity", columns_));
      choice_.intensity_column = 1;
      return;
    }
    if (sure.size() == 1) {
      choice_.intensity_column = static_cast<int>(sure[0]);
      choice_.intensity_is_named = true;
      return;
    }
    if (sure.empty() && !possible.empty() &&
        (possible.size() == 1 || (columns.size() < columns_ && possible[0] < columns.size()))) {
      choice_.intensity_column = static_cast<int>(possible[0]);
      return;
    }
    if (sure.empty() && possible.empty())
      refuse(names, fmt::format("no column is named as the intensity ({})", list(columns)));
    const auto& several = sure.empty() ? possible : sure;
    refuse(names, fmt::format("columns {} and {} may both be the intensity: which one is meant? ({})",
                              several[0] + 1, several[1] + 1, list(columns)));
  }

  ColumnChoice finish(const Found& names) {
    ColumnName column = names.columns[static_cast<std::size_t>(choice_.axis_column)];
    if (key_axis_ && names.line != key_line_) {
      if (key_axis_->quantity != column.quantity) {
        refuse(names, fmt::format("the axis is '{}' here and '{}' on line {}", column.label, key_axis_->label,
                                  lines_[key_line_].number + 1));
      }
      if (!column.unit) column.unit = key_axis_->unit;
    }
    if (!column.unit) column.unit = key_unit_;
    choice_.quantity = column.quantity;
    choice_.label = column.label;
    if (!column.odd_unit.empty() && !column.unit)
      refuse(names, fmt::format("the axis '{}' has the unit '{}', which is not known", column.label,
                                column.odd_unit));
    convert(names, column);
    return choice_;
  }

  void convert(const Found& names, const ColumnName& column) {
    const auto expect = [&](xrd::UnitKind kind) {
      if (!column.unit) {
        choice_.unit_is_stated = kind == xrd::UnitKind::angle;
        return 1.0;
      }
      if (column.unit->kind != kind)
        refuse(names, fmt::format("the axis '{}' ({}) has a unit that does not fit it", column.label,
                                  name_of(column.quantity)));
      return column.unit->factor;
    };
    switch (column.quantity) {
      case AxisQuantity::two_theta:
      case AxisQuantity::theta:
        choice_.abscissa = Abscissa::two_theta;
        choice_.to_unit = expect(xrd::UnitKind::angle) * (column.quantity == AxisQuantity::theta ? 2 : 1);
        break;
      case AxisQuantity::q:
        choice_.abscissa = Abscissa::q;
        choice_.to_unit = expect(xrd::UnitKind::inverse_length);
        break;
      case AxisQuantity::s:
        choice_.abscissa = Abscissa::q;
        choice_.to_unit = expect(xrd::UnitKind::inverse_length) * 2 * std::numbers::pi;
        break;
      case AxisQuantity::d:
        choice_.abscissa = Abscissa::d;
        choice_.to_unit = expect(xrd::UnitKind::length);
        break;
    }
    if (!choice_.unit_is_stated) {
      choice_.warnings.push_back(fmt::format("the axis '{}' has no unit: {} is assumed", column.label,
                                             column.quantity == AxisQuantity::d ? "A" : "1/A"));
    }
  }

  const Dialect& dialect_;
  std::size_t columns_;
  std::vector<HeaderLine> lines_;
  std::optional<ColumnName> key_axis_;
  std::optional<xrd::WrittenUnit> key_unit_;
  std::size_t key_line_ = 0;
  ColumnChoice choice_;
};

}  // namespace

std::optional<ColumnChoice> choose_columns(std::span<const HeaderLine> header, const Dialect& dialect,
                                           int columns) {
  return Header(header, dialect, columns).choose();
}

}  // namespace bragg::data
