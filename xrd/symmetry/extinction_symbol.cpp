#include "xrd/symmetry/extinction_symbol.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::xrd {
namespace {

struct Row {
  std::string_view laue_class, symbol;
  std::array<std::uint8_t, 5> space_groups;  ///< then zeros
};

// In the order of International Tables A, those in the standard setting alone.
constexpr Row table[] = {
    {"-1", "P -", {1, 2}},
    {"2/m", "P 1 - 1", {3, 6, 10}},
    {"2/m", "P 1 21 1", {4, 11}},
    {"2/m", "P 1 c 1", {7, 13}},
    {"2/m", "P 1 21/c 1", {14}},
    {"2/m", "C 1 - 1", {5, 8, 12}},
    {"2/m", "C 1 c 1", {9, 15}},
    {"mmm", "P - - -", {16, 25, 47}},
    {"mmm", "P - - 21", {17}},
    {"mmm", "P 21 21 -", {18}},
    {"mmm", "P 21 21 21", {19}},
    {"mmm", "P - - a", {51}},
    {"mmm", "P - - n", {59}},
    {"mmm", "P - a -", {28}},
    {"mmm", "P - c -", {26}},
    {"mmm", "P - n -", {31}},
    {"mmm", "P - n a", {53}},
    {"mmm", "P b a -", {32, 55}},
    {"mmm", "P b a n", {50}},
    {"mmm", "P b c -", {57}},
    {"mmm", "P b c a", {61}},
    {"mmm", "P b c n", {60}},
    {"mmm", "P c a -", {29}},
    {"mmm", "P c c -", {27, 49}},
    {"mmm", "P c c a", {54}},
    {"mmm", "P c c n", {56}},
    {"mmm", "P n - a", {62}},
    {"mmm", "P n a -", {33}},
    {"mmm", "P n c -", {30}},
    {"mmm", "P n n -", {34, 58}},
    {"mmm", "P n n a", {52}},
    {"mmm", "P n n n", {48}},
    {"mmm", "C - - -", {21, 35, 65}},
    {"mmm", "C - - 21", {20}},
    {"mmm", "C - - (ab)", {67}},
    {"mmm", "C - c -", {36, 63}},
    {"mmm", "C - c (ab)", {64}},
    {"mmm", "C c c -", {37, 66}},
    {"mmm", "C c c (ab)", {68}},
    {"mmm", "A - - -", {38}},
    {"mmm", "A - a -", {40}},
    {"mmm", "A (bc) - -", {39}},
    {"mmm", "A (bc) a -", {41}},
    {"mmm", "I - - -", {23, 24, 44, 71}},
    {"mmm", "I - - (ab)", {74}},
    {"mmm", "I - (ac) -", {46}},
    {"mmm", "I b a -", {45, 72}},
    {"mmm", "I b c a", {73}},
    {"mmm", "F - - -", {22, 42, 69}},
    {"mmm", "F d d -", {43}},
    {"mmm", "F d d d", {70}},
    {"4/m", "P - - -", {75, 81, 83}},
    {"4/m", "P 42 - -", {77, 84}},
    {"4/m", "P 41 - -", {76, 78}},
    {"4/m", "P n - -", {85}},
    {"4/m", "P 42/n - -", {86}},
    {"4/m", "I - - -", {79, 82, 87}},
    {"4/m", "I 41 - -", {80}},
    {"4/m", "I 41/a - -", {88}},
    {"4/mmm", "P - - -", {89, 99, 111, 115, 123}},
    {"4/mmm", "P - 21 -", {90, 113}},
    {"4/mmm", "P 42 - -", {93}},
    {"4/mmm", "P 42 21 -", {94}},
    {"4/mmm", "P 41 - -", {91, 95}},
    {"4/mmm", "P 41 21 -", {92, 96}},
    {"4/mmm", "P - - c", {105, 112, 131}},
    {"4/mmm", "P - 21 c", {114}},
    {"4/mmm", "P - b -", {100, 117, 127}},
    {"4/mmm", "P - b c", {106, 135}},
    {"4/mmm", "P - c -", {101, 116, 132}},
    {"4/mmm", "P - c c", {103, 124}},
    {"4/mmm", "P - n -", {102, 118, 136}},
    {"4/mmm", "P - n c", {104, 128}},
    {"4/mmm", "P n - -", {129}},
    {"4/mmm", "P n - c", {137}},
    {"4/mmm", "P n b -", {125}},
    {"4/mmm", "P n b c", {133}},
    {"4/mmm", "P n c -", {138}},
    {"4/mmm", "P n c c", {130}},
    {"4/mmm", "P n n -", {134}},
    {"4/mmm", "P n n c", {126}},
    {"4/mmm", "I - - -", {97, 107, 119, 121, 139}},
    {"4/mmm", "I 41 - -", {98}},
    {"4/mmm", "I - - d", {109, 122}},
    {"4/mmm", "I - c -", {108, 120, 140}},
    {"4/mmm", "I - c d", {110}},
    {"4/mmm", "I 41/a - d", {141}},
    {"4/mmm", "I 41/a c d", {142}},
    {"-3", "P - - -", {143, 147}},
    {"-3", "P 31 - -", {144, 145}},
    {"-3", "R(obv) - -", {146, 148}},
    {"-3m1", "P - - -", {150, 156, 164}},
    {"-3m1", "P 31 - -", {152, 154}},
    {"-3m1", "P - c -", {158, 165}},
    {"-3m1", "R(obv) - -", {155, 160, 166}},
    {"-3m1", "R(obv) - c", {161, 167}},
    {"-31m", "P - - -", {149, 157, 162}},
    {"-31m", "P 31 - -", {151, 153}},
    {"-31m", "P - - c", {159, 163}},
    {"6/m", "P - - -", {168, 174, 175}},
    {"6/m", "P 63 - -", {173, 176}},
    {"6/m", "P 62 - -", {171, 172}},
    {"6/m", "P 61 - -", {169, 170}},
    {"6/mmm", "P - - -", {177, 183, 187, 189, 191}},
    {"6/mmm", "P 63 - -", {182}},
    {"6/mmm", "P 62 - -", {180, 181}},
    {"6/mmm", "P 61 - -", {178, 179}},
    {"6/mmm", "P - - c", {186, 190, 194}},
    {"6/mmm", "P - c -", {185, 188, 193}},
    {"6/mmm", "P - c c", {184, 192}},
    {"m-3", "P - - -", {195, 200}},
    {"m-3", "P 21 - -", {198}},
    {"m-3", "P n - -", {201}},
    {"m-3", "P a - -", {205}},
    {"m-3", "I - - -", {197, 199, 204}},
    {"m-3", "I a - -", {206}},
    {"m-3", "F - - -", {196, 202}},
    {"m-3", "F d - -", {203}},
    {"m-3m", "P - - -", {207, 215, 221}},
    {"m-3m", "P 42 - -", {208}},
    {"m-3m", "P 41 - -", {212, 213}},
    {"m-3m", "P - - n", {218, 223}},
    {"m-3m", "P n - -", {224}},
    {"m-3m", "P n - n", {222}},
    {"m-3m", "I - - -", {211, 217, 229}},
    {"m-3m", "I 41 - -", {214}},
    {"m-3m", "I - - d", {220}},
    {"m-3m", "I a - d", {230}},
    {"m-3m", "F - - -", {209, 216, 225}},
    {"m-3m", "F 41 - -", {210}},
    {"m-3m", "F - - c", {219, 226}},
    {"m-3m", "F d - -", {227}},
    {"m-3m", "F d - c", {228}},
};

const Row& row_of(int space_group) {
  static const BySpaceGroup<const Row*> rows = [] {
    BySpaceGroup<const Row*> all;
    for (const Row& row : table) {
      for (const int number : row.space_groups) {
        if (number != 0) all[number] = &row;
      }
    }
    return all;
  }();
  if (space_group < 1 || space_group > space_group_count)
    throw Error(fmt::format("space group {} is not within 1..{}", space_group, space_group_count));
  return *rows[space_group];
}

/// Axis i becomes axis[i]: "P n - a" with y and z exchanged is "P n a -".
std::string with_axes(std::string_view symbol, const std::array<std::size_t, 3>& axis) {
  std::istringstream words{std::string(symbol)};
  std::string lattice;
  std::array<std::string, 3> parts, moved;
  words >> lattice >> parts[0] >> parts[1] >> parts[2];
  const auto renamed = [&](char letter, char first) {
    return letter >= first && letter < first + 3
               ? static_cast<char>(first +
                                   static_cast<char>(axis.at(static_cast<std::size_t>(letter - first))))
               : letter;
  };
  lattice[0] = renamed(lattice[0], 'A');
  for (std::size_t i = 0; i < 3; ++i) {
    std::string part = parts.at(i);
    for (char& letter : part)
      letter = renamed(letter, 'a');
    // Two glides of one plane stand in brackets, in the order of their letters.
    if (part.front() == '(') std::sort(part.begin() + 1, part.end() - 1);
    moved.at(axis.at(i)) = part;
  }
  return fmt::format("{} {} {} {}", lattice, moved[0], moved[1], moved[2]);
}

}  // namespace

std::string_view laue_class(int space_group) {
  return row_of(space_group).laue_class;
}

std::string_view extinction_symbol(int space_group) {
  return row_of(space_group).symbol;
}

std::string extinction_symbol_of_any_axes(int space_group) {
  std::string last(extinction_symbol(space_group));
  if (laue_class(space_group) != "mmm") return last;
  std::array<std::size_t, 3> axis{0, 1, 2};
  const std::string symbol = last;
  do
    last = std::max(last, with_axes(symbol, axis));
  while (std::next_permutation(axis.begin(), axis.end()));
  return last;
}

}  // namespace bragg::xrd
