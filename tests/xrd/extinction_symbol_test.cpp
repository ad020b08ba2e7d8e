// Extinction symbols against the reflections that the operators of each space group extinguish.
#include "xrd/symmetry/extinction_symbol.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Hkl = std::array<int, 3>;

/// A period of any condition, 6_1 the longest.
constexpr int largest_index = 6;

std::vector<Hkl> all_reflections() {
  std::vector<Hkl> all;
  for (int h = -largest_index; h <= largest_index; ++h) {
    for (int k = -largest_index; k <= largest_index; ++k) {
      for (int l = -largest_index; l <= largest_index; ++l)
        all.push_back({h, k, l});
    }
  }
  return all;
}

/// (hkl) R = (hkl), and (hkl) t is no integer: F(hkl) = -F(hkl).
bool extinguishes(const SymmetryOperator& op, const Hkl& hkl) {
  if (apply(op, hkl) != hkl) return false;
  const int phase = hkl[0] * op.translation[0] + hkl[1] * op.translation[1] + hkl[2] * op.translation[2];
  return phase % translation_denominator != 0;
}

std::vector<SymmetryOperator> operators_of(int number) {
  return reference_setting(number).setting.operators;
}

std::set<Hkl> extinct_by_operators(int number) {
  std::set<Hkl> extinct;
  const auto operators = operators_of(number);
  for (const Hkl& hkl : all_reflections()) {
    if (std::any_of(operators.begin(), operators.end(),
                    [&](const SymmetryOperator& op) { return extinguishes(op, hkl); }))
      extinct.insert(hkl);
  }
  return extinct;
}

/// Rotations with their inverted ones: equal for two groups of one Laue class on the same axes.
std::set<std::array<std::int8_t, 9>> laue_rotations_of(int number) {
  std::set<std::array<std::int8_t, 9>> all;
  for (SymmetryOperator op : operators_of(number)) {
    all.insert(op.rotation);
    for (std::int8_t& element : op.rotation)
      element = static_cast<std::int8_t>(-element);
    all.insert(op.rotation);
  }
  return all;
}

// ---- the symbol read as International Tables define its letters ----

SymmetryOperator with_translation(const char* rotation, int x, int y, int z) {
  SymmetryOperator op = parse_operator(rotation);
  op.translation = {static_cast<std::int8_t>(x), static_cast<std::int8_t>(y), static_cast<std::int8_t>(z)};
  return op;
}

enum class Direction { a, b, c, hexagonal_a, diagonal };

SymmetryOperator turned_about(Direction direction, int x, int y, int z) {
  constexpr const char* two_fold[] = {"x,-y,-z", "-x,y,-z", "-x,-y,z", "x-y,-y,-z", "-y,-x,-z"};
  return with_translation(two_fold[static_cast<int>(direction)], x, y, z);
}
SymmetryOperator mirrored_across(Direction direction, int x, int y, int z) {
  constexpr const char* mirror[] = {"-x,y,z", "x,-y,z", "x,y,-z", "-x+y,y,z", "y,x,z"};
  return with_translation(mirror[static_cast<int>(direction)], x, y, z);
}

/// One part of the symbol: "21", "n", "42/n", "(ab)", "-".
void add_part(const std::string& part, Direction direction, std::vector<SymmetryOperator>& operators) {
  const int axis = direction == Direction::hexagonal_a ? 0 : static_cast<int>(direction);
  const auto along = [&](int i, int length) { return axis == i ? 0 : length; };
  for (std::size_t i = 0; i < part.size(); ++i) {
    const char letter = part[i];
    if (letter >= '1' && letter <= '6') {  // n_k: a shift by k / n of the axis
      const int shift = translation_denominator / (letter - '0') * (part.at(++i) - '0');
      operators.push_back(
          turned_about(direction, axis == 0 ? shift : 0, axis == 1 ? shift : 0, axis == 2 ? shift : 0));
    } else if (letter >= 'a' && letter <= 'c') {
      operators.push_back(
          mirrored_across(direction, letter == 'a' ? 12 : 0, letter == 'b' ? 12 : 0, letter == 'c' ? 12 : 0));
    } else if (letter == 'n' || letter == 'd') {
      const int length = letter == 'n' ? 12 : 6;
      operators.push_back(mirrored_across(direction, along(0, length), along(1, length), along(2, length)));
    } else {
      EXPECT_NE(std::string("-/()").find(letter), std::string::npos) << part;
    }
  }
}

std::vector<SymmetryOperator> conditions_of(const std::string& laue, const std::string& symbol) {
  std::istringstream stream(symbol);
  std::string lattice;
  stream >> lattice;
  std::vector<SymmetryOperator> operators;
  const auto centring = [&](int x, int y, int z) { operators.push_back(with_translation("x,y,z", x, y, z)); };
  if (lattice == "I") centring(12, 12, 12);
  if (lattice == "A" || lattice == "F") centring(0, 12, 12);
  if (lattice == "C" || lattice == "F") centring(12, 12, 0);
  if (lattice == "R(obv)") centring(16, 8, 8);
  using enum Direction;
  static const std::map<std::string, std::vector<Direction>> directions{{"-1", {a}},
                                                                        {"2/m", {a, b, c}},
                                                                        {"mmm", {a, b, c}},
                                                                        {"4/m", {c, a, diagonal}},
                                                                        {"4/mmm", {c, a, diagonal}},
                                                                        {"m-3", {c, a, diagonal}},
                                                                        {"m-3m", {c, a, diagonal}}};
  const auto found = directions.find(laue);
  const auto& of_class =
      found == directions.end() ? std::vector<Direction>{c, hexagonal_a, diagonal} : found->second;
  std::size_t parts = 0;
  for (std::string part; stream >> part; ++parts) {
    if (part == "1") continue;  // "P 1 c 1"
    add_part(part, of_class.at(parts), operators);
  }
  EXPECT_GE(parts, laue == "-1" ? 1u : lattice == "R(obv)" ? 2u : 3u) << symbol;
  return operators;
}

/// What the map tells apart: the groups that have a key in common are together.
template <typename Key>
std::set<std::set<int>> groups_together(const std::map<Key, std::set<int>>& by_key) {
  std::set<std::set<int>> together;
  for (const auto& [key, groups] : by_key)
    together.insert(groups);
  return together;
}

std::set<Hkl> extinct_by_symbol(int number) {
  const auto conditions =
      conditions_of(std::string(laue_class(number)), std::string(extinction_symbol(number)));
  const auto equivalents = operators_of(number);
  std::set<Hkl> extinct;
  for (const Hkl& hkl : all_reflections()) {
    for (const SymmetryOperator& equivalent : equivalents) {
      const Hkl image = apply(equivalent, hkl);
      if (std::any_of(conditions.begin(), conditions.end(),
                      [&](const SymmetryOperator& op) { return extinguishes(op, image); })) {
        extinct.insert(hkl);
        break;
      }
    }
  }
  return extinct;
}

TEST(ExtinctionSymbol, AsInternationalTablesPrintThem) {
  EXPECT_EQ(extinction_symbol(1), "P -");
  EXPECT_EQ(extinction_symbol(14), "P 1 21/c 1");
  EXPECT_EQ(extinction_symbol(15), "C 1 c 1");
  EXPECT_EQ(extinction_symbol(19), "P 21 21 21");
  EXPECT_EQ(extinction_symbol(62), "P n - a");
  EXPECT_EQ(extinction_symbol(64), "C - c (ab)");
  EXPECT_EQ(extinction_symbol(88), "I 41/a - -");
  EXPECT_EQ(extinction_symbol(136), "P - n -");
  EXPECT_EQ(extinction_symbol(152), extinction_symbol(154));
  EXPECT_EQ(extinction_symbol(167), "R(obv) - c");
  EXPECT_EQ(extinction_symbol(194), "P - - c");
  EXPECT_EQ(extinction_symbol(227), "F d - -");
  EXPECT_EQ(laue_class(152), "-3m1");
  EXPECT_EQ(laue_class(153), "-31m");
  EXPECT_EQ(laue_class(205), "m-3");
  for (const int number : {0, -1, 231}) {
    EXPECT_THROW(extinction_symbol(number), Error) << number;
    EXPECT_THROW(laue_class(number), Error) << number;
  }
}

TEST(ExtinctionSymbol, GroupsShareOneWhereTheyShareLaueClassAndReflectionConditions) {
  std::map<std::pair<std::set<std::array<std::int8_t, 9>>, std::set<Hkl>>, std::set<int>> by_conditions;
  std::map<std::pair<std::string_view, std::string_view>, std::set<int>> by_symbol;
  for (int number = 1; number <= space_group_count; ++number) {
    by_conditions[{laue_rotations_of(number), extinct_by_operators(number)}].insert(number);
    by_symbol[{laue_class(number), extinction_symbol(number)}].insert(number);
  }
  const std::set<std::set<int>> from_symbols = groups_together(by_symbol);
  EXPECT_EQ(from_symbols, groups_together(by_conditions));
  EXPECT_GT(from_symbols.size(), 100u);
}

TEST(ExtinctionSymbol, OfAnyAxesIsSharedWhereSomeOrderOfTheAxesGivesTheSameConditions) {
  EXPECT_EQ(extinction_symbol_of_any_axes(62), extinction_symbol_of_any_axes(33));
  EXPECT_EQ(extinction_symbol_of_any_axes(64), extinction_symbol_of_any_axes(41));
  EXPECT_EQ(extinction_symbol_of_any_axes(14), "P 1 21/c 1");
  std::map<std::set<Hkl>, std::set<int>> by_conditions;
  std::map<std::string, std::set<int>> by_symbol;
  for (int number = 16; number <= 74; ++number) {
    const std::set<Hkl> extinct = extinct_by_operators(number);
    std::set<Hkl> first = extinct;
    std::array<std::size_t, 3> axis{0, 1, 2};
    do {
      std::set<Hkl> moved;
      for (const Hkl& hkl : extinct)
        moved.insert({hkl[axis[0]], hkl[axis[1]], hkl[axis[2]]});
      first = std::min(first, moved);
    } while (std::next_permutation(axis.begin(), axis.end()));
    by_conditions[first].insert(number);
    by_symbol[extinction_symbol_of_any_axes(number)].insert(number);
  }
  const std::set<std::set<int>> from_symbols = groups_together(by_symbol);
  EXPECT_EQ(from_symbols, groups_together(by_conditions));
  EXPECT_LT(from_symbols.size(), 40u);
}

TEST(ExtinctionSymbol, ItsLettersSayWhatIsExtinct) {
  for (int number = 1; number <= space_group_count; ++number)
    EXPECT_EQ(extinct_by_symbol(number), extinct_by_operators(number))
        << number << " " << hm_short(number) << ": " << extinction_symbol(number);
}

TEST(ExtinctionSymbol, NoLetterStandsForNothing) {
  for (int number = 1; number <= space_group_count; ++number) {
    const std::string symbol(extinction_symbol(number));
    const auto extinct = [&](const std::vector<SymmetryOperator>& conditions) {
      std::set<Hkl> all;
      for (const Hkl& hkl : all_reflections()) {
        for (const SymmetryOperator& op : conditions) {
          if (extinguishes(op, hkl)) all.insert(hkl);
        }
      }
      return all;
    };
    const auto conditions = conditions_of(std::string(laue_class(number)), symbol);
    for (const SymmetryOperator& op : conditions)
      EXPECT_FALSE(extinct({op}).empty()) << symbol;
    EXPECT_EQ(conditions.empty(), extinct_by_operators(number).empty()) << symbol;
  }
}

}  // namespace
}  // namespace bragg::xrd
