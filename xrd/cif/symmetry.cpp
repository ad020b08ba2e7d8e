// The symmetry of a block: from the operators, else the Hall symbol, else the Hermann-Mauguin name, else the
// number where that leaves nothing open; and every other statement of the block must agree with it.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "xrd/cif/numbers.h"
#include "xrd/cif/reader.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

/// A cell that is off its symmetry by more than this (relative, degrees) is worth a warning, though
/// tolerated.
constexpr double silent_length = 1e-4, silent_angle = 0.01;

struct Statement {
  const CifValue* value = nullptr;
  std::string_view tag;
  explicit operator bool() const { return value; }
  std::string quote() const { return fmt::format("{} '{}'", tag, value->text); }
};

/// A triplet with the minus signs of word processors made plain, and without a time reversal (",+1", ",-1").
std::string plain_triplet(std::string_view text, bool is_magnetic) {
  std::string out(text);
  for (const std::string_view minus : {"\xe2\x88\x92", "\xe2\x80\x93", "\xe2\x80\x90"})
    for (auto at = out.find(minus); at != std::string::npos; at = out.find(minus))
      out.replace(at, minus.size(), 1, '-');
  if (const auto comma = out.rfind(','); is_magnetic && comma != std::string::npos) {
    const std::string_view last = std::string_view(out).substr(comma + 1);
    const auto digit = last.find_first_not_of(" +-");
    if (digit != std::string_view::npos && last.substr(digit, 1) == "1" &&
        last.find_first_not_of(' ', digit + 1) == std::string_view::npos &&
        std::count(out.begin(), out.end(), ',') == 3)
      out.resize(comma);
  }
  return out;
}

/// The operators of a column; empty where it holds none. Throws bad_symmetry.
std::vector<SymmetryOperator> operators_of(const CifReader& reader, const CifColumn& column,
                                           bool is_magnetic = false) {
  std::vector<SymmetryOperator> out;
  if (!column || (column.rows() == 1 && column[0].is_null())) return out;
  constexpr std::size_t most = 8192;  // 192 times the largest cells that anyone centres
  if (column.rows() > most)
    reader.fail(CifFault::too_large, column[0].line,
                fmt::format("{} has {} operators, more than {}", column.tag(), column.rows(), most));
  out.reserve(column.rows());
  for (std::size_t row = 0; row < column.rows(); ++row) {
    try {
      out.push_back(parse_operator(plain_triplet(column[row].text, is_magnetic)));
    } catch (const Error& e) {
      reader.fail(CifFault::bad_symmetry, column[row].line, fmt::format("{}: {}", column.tag(), e.what()));
    }
  }
  return out;
}

/// The operators of a magnetic space group with its centring, without time reversal: what scatters X-rays.
std::vector<SymmetryOperator> magnetic_operators(const CifReader& reader) {
  const CifColumn column =
      reader.find({"_space_group_symop_magn_operation_xyz", "_space_group_symop.magn_operation_xyz",
                   "_space_group_symop_magn_xyz"});
  std::vector<SymmetryOperator> operators = operators_of(reader, column, true);
  if (operators.empty()) return {};
  const std::vector<SymmetryOperator> centring = operators_of(
      reader,
      reader.find({"_space_group_symop_magn_centering_xyz", "_space_group_symop_magn_ssg_centering_xyz"}),
      true);
  reader.warn(column[0].line, "a magnetic CIF: time reversal and moments are left out");
  if (centring.empty()) return operators;
  std::vector<SymmetryOperator> all;
  for (const SymmetryOperator& shift : centring)
    for (const SymmetryOperator& op : operators)
      all.push_back(shift * op);
  return all;
}

[[noreturn]] void contradiction(const CifReader& reader, const Statement& statement, std::string_view source,
                                const SpaceGroupSetting& group) {
  reader.fail(
      CifFault::contradictory_symmetry, statement.value->line,
      fmt::format("{} against the {}: {} (number {})", statement.quote(), source, group.hm, group.number));
}

/// A name says axes and centring; it leaves the origin open unless it has an extension for it.
void check_name(const CifReader& reader, const Statement& hm, std::string_view source,
                const SpaceGroupSetting& group) {
  const auto candidates = settings_named(hm.value->text);
  if (candidates.empty())
    return reader.warn(hm.value->line,
                       fmt::format("{} is not known; the {} are taken: {}", hm.quote(), source, group.hm));
  const OperatorKey key = operator_key(group.operators);
  bool same_number = false, other_origin = false;
  for (const TabulatedSetting* t : candidates) {
    if (operator_key(t->setting.operators) == key) return;
    same_number = same_number || t->setting.number == group.number;
    other_origin = other_origin || differ_by_origin_only(t->setting.operators, group.operators);
  }
  if (other_origin && (!names_origin(hm.value->text) || source == "operators"))
    return reader.warn(hm.value->line, fmt::format("{}: the {} have another origin", hm.quote(), source));
  // No name exists for a setting outside of the tables: the one given can only mean the type. Listed
  // operators are what the sites were written with: programs put the standard name beside them.
  if (same_number && group.hall.empty())
    return reader.warn(hm.value->line,
                       fmt::format("{}: the {} are in a setting without a name", hm.quote(), source));
  if (same_number && source == "operators")
    return reader.warn(hm.value->line, fmt::format("{}: the {} are in another setting and taken: {}",
                                                   hm.quote(), source, group.hm));
  contradiction(reader, hm, source, group);
}

SpaceGroupSetting named(const CifReader& reader, const Statement& statement, const UnitCell& cell,
                        int number) {
  const int line = statement.value->line;
  try {
    return number > 0 ? setting_from_number(number, cell) : setting_from_hm(statement.value->text, cell);
  } catch (const AmbiguousSetting& e) {
    reader.fail(CifFault::ambiguous_symmetry, line, fmt::format("{}: {}", statement.tag, e.what()));
  } catch (const CellMismatch& e) {
    reader.fail(CifFault::contradictory_symmetry, line, fmt::format("{}: {}", statement.tag, e.what()));
  } catch (const Error& e) {
    reader.fail(CifFault::bad_symmetry, line, fmt::format("{}: {}", statement.tag, e.what()));
  }
}

/// The operators that a block lists, in whichever of the ways.
struct ListedOperators {
  std::vector<SymmetryOperator> operators;
  int line = 0;
};

ListedOperators listed_operators(const CifReader& reader) {
  const CifColumn column = reader.find({"_space_group_symop_operation_xyz"});
  const CifColumn old_column = reader.find({"_symmetry_equiv_pos_as_xyz"});
  std::vector<SymmetryOperator> listed = operators_of(reader, column);
  std::vector<SymmetryOperator> old_listed = operators_of(reader, old_column);
  if (!listed.empty() && !old_listed.empty() && operator_key(listed) != operator_key(old_listed))
    reader.fail(CifFault::contradictory_symmetry, old_column[0].line,
                fmt::format("the operators of {} ({}) and {} ({}) are not the same", column.tag(),
                            listed.size(), old_column.tag(), old_listed.size()));
  if (!listed.empty()) return {std::move(listed), column[0].line};
  if (!old_listed.empty()) return {std::move(old_listed), old_column[0].line};
  std::vector<SymmetryOperator> magnetic = magnetic_operators(reader);
  const int line = magnetic.empty() ? 0 : reader.block().line;
  return {std::move(magnetic), line};
}

/// What a block says beside its operators.
struct Statements {
  Statement hall, hm, number;
  int parsed_number = 0;  ///< 0: there is none
};

Statements read_statements(const CifReader& reader) {
  Statements s;
  s.hall.value = reader.value({"_space_group_name_Hall", "_symmetry_space_group_name_Hall"}, &s.hall.tag);
  s.hm.value = reader.value({"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M",
                             "_space_group_name_H-M_full", "_space_group_name_H-M"},
                            &s.hm.tag);
  s.number.value = reader.value({"_space_group_IT_number", "_symmetry_Int_Tables_number"}, &s.number.tag);
  if (s.number) {
    const auto parsed = parse_cif_number(s.number.value->text);
    if (!parsed || *parsed != std::floor(*parsed) || *parsed < 1 || *parsed > 230)
      reader.fail(CifFault::bad_symmetry, s.number.value->line,
                  fmt::format("{} is not within 1..230", s.number.quote()));
    s.parsed_number = static_cast<int>(*parsed);
  }
  return s;
}

/// The symmetry that is taken, and from where.
struct TakenSymmetry {
  SpaceGroupSetting group;
  std::string_view source;
  int line = 0;
};

TakenSymmetry from_operators(const CifReader& reader, ListedOperators&& listed) {
  TakenSymmetry taken{{}, "operators", listed.line};
  const std::size_t count = listed.operators.size();
  try {
    taken.group = setting_from_operators(std::move(listed.operators));
  } catch (const Error& e) {
    reader.fail(CifFault::bad_symmetry, listed.line, e.what());
  }
  if (taken.group.operators.size() != count)
    reader.warn(listed.line, fmt::format("{} operators are listed, {} of them different", count,
                                         taken.group.operators.size()));
  return taken;
}

TakenSymmetry take_symmetry(const CifReader& reader, ListedOperators&& listed, const Statements& s,
                            const UnitCell& cell) {
  if (!listed.operators.empty()) return from_operators(reader, std::move(listed));
  if (s.hall) {
    const int line = s.hall.value->line;
    try {
      return {setting_from_hall(s.hall.value->text), "operators of the Hall symbol", line};
    } catch (const Error& e) {
      reader.fail(CifFault::bad_symmetry, line, fmt::format("{}: {}", s.hall.tag, e.what()));
    }
  }
  if (s.hm) return {named(reader, s.hm, cell, 0), "operators of the name", s.hm.value->line};
  if (s.number)
    return {named(reader, s.number, cell, s.parsed_number), "operators of the number", s.number.value->line};
  reader.fail(CifFault::no_symmetry, reader.block().line,
              "no operators, no Hall symbol, no Hermann-Mauguin name, no number");
}

/// A Hall symbol beside listed operators.
void check_hall(const CifReader& reader, const Statement& hall, std::string_view source,
                const SpaceGroupSetting& group) {
  std::optional<SpaceGroupSetting> other;
  try {
    other = setting_from_hall(hall.value->text);
  } catch (const Error& e) {
    reader.warn(hall.value->line,
                fmt::format("{}: {}; the operators are taken: {}", hall.tag, e.what(), group.hm));
  }
  if (!other || operator_key(other->operators) == operator_key(group.operators)) return;
  if (other->number != group.number) contradiction(reader, hall, source, group);
  reader.warn(hall.value->line,
              fmt::format("{}: the {} are in another setting and taken: {}", hall.quote(), source, group.hm));
}

void check_cell(const CifReader& reader, const UnitCell& cell, const SpaceGroupSetting& group, int line) {
  const CellDeviation deviation = cell_deviation(cell, group.operators);
  const auto describe = [&] {
    return fmt::format("the cell {} {} {} {} {} {} is off {} by {:.3g} of the edges and {:.3g} degrees",
                       cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma, group.hm, deviation.length,
                       deviation.angle);
  };
  if (!deviation.is_tolerated()) reader.fail(CifFault::contradictory_symmetry, line, describe());
  if (deviation.length > silent_length || deviation.angle > silent_angle)
    reader.warn(line, describe() + "; the mean is taken");
}

}  // namespace

SpaceGroupSetting read_symmetry(const CifReader& reader, UnitCell& cell) {
  ListedOperators listed = listed_operators(reader);
  const Statements stated = read_statements(reader);
  const auto [group, source, line] = take_symmetry(reader, std::move(listed), stated, cell);
  if (stated.number && stated.parsed_number != group.number)
    contradiction(reader, stated.number, source, group);
  if (stated.hall && source == "operators") check_hall(reader, stated.hall, source, group);
  if (stated.hm && source != "operators of the name") check_name(reader, stated.hm, source, group);
  check_cell(reader, cell, group, line);
  cell = symmetrised(cell, group.operators);
  return group;
}

}  // namespace bragg::xrd
