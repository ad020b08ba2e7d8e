// gemmi's table of settings and its parser of Hall symbols, turned into our own types. Nothing else of gemmi
// is used here: names, checks and the search for untabulated settings are ours.
#include "xrd/symmetry/symmetry_tables.h"

#include <cctype>
#include <exception>

#include <fmt/format.h>

#include <gemmi/symmetry.hpp>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::xrd {
namespace {

constexpr std::size_t settings_of_international_tables = 530;

SymmetryOperator from_gemmi(const gemmi::Op& op) {
  static_assert(gemmi::Op::DEN == translation_denominator);
  SymmetryOperator out;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const int r = op.rot[i][j];
      if (r % gemmi::Op::DEN != 0 || std::abs(r / gemmi::Op::DEN) > 7)
        throw Error("the symbol gives a rotation that is not of small integers: " + op.triplet());
      out.rotation[3 * i + j] = static_cast<std::int8_t>(r / gemmi::Op::DEN);
    }
    const int t = op.tran[i] % gemmi::Op::DEN;
    out.translation[i] = static_cast<std::int8_t>(t < 0 ? t + gemmi::Op::DEN : t);
  }
  return out;
}

std::vector<SymmetryOperator> from_gemmi(const gemmi::GroupOps& group) {
  std::vector<SymmetryOperator> out;
  out.reserve(static_cast<std::size_t>(group.order()));
  for (const gemmi::Op op : group)
    out.push_back(from_gemmi(op));
  return out;
}

/// gemmi writes out of bounds for a screw subscript on a symbol without an axis ("P 3*1"), so that such
/// symbols, and whatever is no Hall symbol at all, must not reach it.
void check_hall(std::string_view hall) {
  constexpr std::string_view allowed = "-PABCIRHSTFpabcirhstf0123456nuvwdxyz'\"*(),+/ _\t";
  const auto refuse = [&](std::string_view why) {
    throw Error(fmt::format("Hall symbol '{}': {}", hall, why));
  };
  if (hall.size() > 60) refuse("too long");
  if (const auto bad = hall.find_first_not_of(allowed); bad != std::string_view::npos)
    refuse(fmt::format("unexpected '{}'", hall[bad]));
  const std::string_view symbol = hall.substr(0, hall.find('('));
  int position = -1;  // 0: the lattice letter, 1..: the matrices
  char previous = 0;
  for (std::size_t i = 0; i < symbol.size();) {
    if (symbol[i] == ' ' || symbol[i] == '_' || symbol[i] == '\t') {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < symbol.size() && symbol[end] != ' ' && symbol[end] != '_' && symbol[end] != '\t')
      ++end;
    std::string_view part = symbol.substr(i, end - i);
    i = end;
    if (part == "-" && position < 0) continue;
    if (++position == 0) {
      if (part.size() > 1 + (part[0] == '-')) refuse("no lattice letter");
      continue;
    }
    if (part[0] == '-') part.remove_prefix(1);
    if (part.empty() || part[0] < '1' || part[0] > '6') refuse("no order of rotation");
    const char order = part[0];
    part.remove_prefix(1);
    const bool has_axis = part.find_first_of("xyz") != std::string_view::npos;
    const bool is_diagonal = part.find_first_of("'\"*") != std::string_view::npos;
    const bool has_screw = part.find_first_of("123456") != std::string_view::npos;
    const bool axis_known =
        has_axis ||
        (!is_diagonal &&
         (position == 1 || (position == 2 && order == '2' && (previous == '2' || previous == '4'))));
    if (has_screw && !axis_known) refuse("a screw without an axis");
    previous = order;
  }
  if (position < 1) refuse("no operation");
}

std::vector<TabulatedSetting> make_settings() {
  std::vector<TabulatedSetting> out;
  BySpaceGroup<bool> has_reference;
  for (const gemmi::SpaceGroup& entry : gemmi::spacegroup_tables::main) {
    TabulatedSetting t;
    t.setting = {entry.number, entry.xhm(), entry.hall, from_gemmi(entry.operations())};
    t.hm = entry.hm;
    t.extension = entry.ext;
    bool& seen = has_reference[entry.number];
    t.is_reference = entry.is_reference_setting() && !seen;
    seen = seen || t.is_reference;
    t.is_in_tables = out.size() < settings_of_international_tables;
    out.push_back(std::move(t));
  }
  return out;
}

std::vector<AlternativeName> make_alternative_names() {
  std::vector<AlternativeName> out;
  for (const gemmi::SpaceGroupAltName& name : gemmi::spacegroup_tables::alt_names)
    out.push_back({name.hm, name.ext, static_cast<std::size_t>(name.pos)});
  return out;
}

}  // namespace

const std::vector<TabulatedSetting>& tabulated_settings() {
  static const std::vector<TabulatedSetting> settings = make_settings();
  return settings;
}

const std::vector<AlternativeName>& alternative_names() {
  static const std::vector<AlternativeName> names = make_alternative_names();
  return names;
}

const TabulatedSetting& reference_setting(int number) {
  static const BySpaceGroup<const TabulatedSetting*> references = [] {
    BySpaceGroup<const TabulatedSetting*> out;
    for (const TabulatedSetting& t : tabulated_settings())
      if (t.is_reference) out[t.setting.number] = &t;
    return out;
  }();
  return *references[number];
}

std::vector<SymmetryOperator> operators_from_hall(std::string_view hall) {
  check_hall(hall);
  try {
    return from_gemmi(gemmi::symops_from_hall(std::string(hall).c_str()));
  } catch (const Error& e) {
    throw Error(fmt::format("Hall symbol '{}': {}", hall, e.what()));
  } catch (const std::exception& e) {
    throw Error(fmt::format("Hall symbol '{}': {}", hall, e.what()));
  }
}

}  // namespace bragg::xrd
