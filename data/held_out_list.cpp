#include "data/held_out_list.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/split.h"
#include "data/text_source.h"
#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"
#include "xrd/scattering/species.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::data {
namespace {

constexpr std::uintmax_t largest_list = std::uintmax_t{1} << 26;

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// "O600": an element and its thousandths.
std::optional<std::pair<int, int>> part_of(const std::string& text) {
  const std::size_t digit = text.find_first_of("0123456789");
  if (digit == std::string::npos) return std::nullopt;
  const auto species = xrd::parse_species(text.substr(0, digit));
  const auto part = parse_whole<int>(std::string_view(text).substr(digit));
  constexpr int whole = 1000;
  if (!species || !part || *part < 1 || *part > whole) return std::nullopt;
  return std::pair<int, int>(species->atomic_number, *part);
}

std::optional<StructureKey> structure_of(const std::vector<std::string>& columns) {
  if (columns.size() != 4) return std::nullopt;
  const auto group = parse_whole<int>(columns[1]);
  const auto volume = parse_whole<double>(columns[3]);
  if (!group || *group < 1 || *group > xrd::space_group_count) return std::nullopt;
  if (!volume || !(*volume > 0) || !std::isfinite(*volume)) return std::nullopt;
  StructureKey key;
  key.space_group = *group;
  key.volume = *volume;
  for (const std::string& text : parts_of(columns[2], ' ')) {
    const auto part = part_of(text);
    if (!part || !key.parts.insert(*part).second) return std::nullopt;
  }
  return key;
}

/// As a line of a list has it: a list that is read is the list that was written.
StructureKey rounded(StructureKey key) {
  key.volume = std::round(key.volume * 1000) / 1000;
  return key;
}

bool add_line(HeldOutList& list, const std::vector<std::string>& columns) {
  if (columns[0] == "structure") {
    auto key = structure_of(columns);
    if (key) list.structures.push_back(std::move(*key));
    return key.has_value();
  }
  if (columns.size() != 2 || columns[1].empty()) return false;
  if (columns[0] == "name") {
    list.names.push_back(parts_of(columns[1], ' '));
    return std::is_sorted(list.names.back().begin(), list.names.back().end());
  }
  if (columns[0] == "type") return list.types.insert(columns[1]).second;
  return false;
}

/// The lowest positions of distinct keys, as many as make up the share, rounded up.
std::vector<std::string> drawn(const std::set<std::string>& keys, double share, std::uint32_t seed) {
  std::vector<std::string> order(keys.begin(), keys.end());
  std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
    return split_position(a, seed) < split_position(b, seed);
  });
  order.resize(static_cast<std::size_t>(std::ceil(share * static_cast<double>(order.size()))));
  std::sort(order.begin(), order.end());
  return order;
}

/// Of a mineral: its name, or for want of one its composition and space group.
std::string mineral_key(const xrd::Crystal& crystal) {
  const std::vector<std::string> words = mineral_words(crystal);
  if (!words.empty()) return fmt::format("mineral {}", fmt::join(words, " "));
  const StructureKey key = structure_key(crystal);
  return fmt::format("structure {} /{}", composition_text(key), key.space_group);
}

void draw_minerals(HeldOutList& list, const CrystalSource& minerals, const HeldOutShares& shares) {
  std::set<std::string> named, nameless;
  for (std::int64_t i = 0; i < minerals.size; ++i) {
    const std::string key = mineral_key(minerals.at(i));
    (key.starts_with("mineral ") ? named : nameless).insert(key);
  }
  constexpr std::size_t word = std::string_view("mineral ").size();
  std::set<std::string> keys;
  for (const std::string& key : drawn(named, shares.minerals, shares.seed)) {
    list.names.push_back(parts_of(std::string_view(key).substr(word), ' '));
    keys.insert(key);
  }
  for (std::string& key : drawn(nameless, shares.minerals, shares.seed))
    keys.insert(std::move(key));
  for (std::int64_t i = 0; i < minerals.size; ++i) {
    const xrd::Crystal crystal = minerals.at(i);
    const bool is_drawn = keys.contains(mineral_key(crystal)) ||
                          std::any_of(list.names.begin(), list.names.end(),
                                      [&](const auto& words) { return is_of_mineral(crystal, words); });
    if (!is_drawn) continue;
    StructureKey key = rounded(structure_key(crystal));
    if (!key.parts.empty() &&
        std::find(list.structures.begin(), list.structures.end(), key) == list.structures.end())
      list.structures.push_back(std::move(key));
  }
  std::sort(list.structures.begin(), list.structures.end(), [](const StructureKey& a, const StructureKey& b) {
    return std::tie(a.space_group, a.parts, a.volume) < std::tie(b.space_group, b.parts, b.volume);
  });
}

void draw_types(HeldOutList& list, const CrystalSource& minerals, const CrystalSource& others,
                const HeldOutShares& shares) {
  xrd::StructureTypes types;
  std::set<std::string> of_minerals;
  for (std::int64_t i = 0; i < minerals.size; ++i)
    of_minerals.insert(types.type_of(minerals.at(i)));
  HeldOutRules rules(list);
  std::map<std::string, std::int64_t> count;
  for (std::int64_t i = 0; i < others.size; ++i) {
    const xrd::Crystal crystal = others.at(i);
    if (rules.rule_of(crystal) != HeldOutRule::none) continue;
    std::string type = types.type_of(crystal);
    if (!of_minerals.contains(type)) ++count[std::move(type)];
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [type, n] : count)
    order.emplace_back(split_position("type " + type, shares.seed), type);
  std::sort(order.begin(), order.end());
  std::int64_t held = 0;
  for (auto& [position, type] : order) {
    if (static_cast<double>(held) >= shares.types * static_cast<double>(others.size)) break;
    held += count.at(type);
    list.types.insert(std::move(type));
  }
}

}  // namespace

std::string_view name_of(HeldOutRule rule) {
  switch (rule) {
    case HeldOutRule::none:
      return "none";
    case HeldOutRule::name:
      return "name";
    case HeldOutRule::structure:
      return "structure";
    case HeldOutRule::type:
      return "type";
  }
  throw Error("[held_out_list] unknown rule");
}

std::string to_text(const HeldOutList& list, std::string_view comment) {
  std::string text;
  for (const std::string& line : parts_of(comment, '\n'))
    text += line.empty() ? "#\n" : fmt::format("# {}\n", line);
  for (const auto& words : list.names)
    text += fmt::format("name\t{}\n", fmt::join(words, " "));
  for (const StructureKey& key : list.structures)
    text += fmt::format("structure\t{}\t{}\t{:.3f}\n", key.space_group, composition_text(key), key.volume);
  for (const std::string& type : list.types)
    text += fmt::format("type\t{}\n", type);
  return text;
}

HeldOutList parse_held_out_list(std::string_view text, const std::string& source) {
  HeldOutList list;
  std::size_t number = 0;
  for (std::string& line : parts_of(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    if (!add_line(list, parts_of(line, '\t'))) {
      throw UsageError(fmt::format(
          "{}:{}: no line of a list of what is held out (name, structure or type, and their columns): '{}'",
          source, number, line.substr(0, 100)));
    }
  }
  if (list == HeldOutList{}) throw UsageError(fmt::format("{}: holds out nothing", source));
  return list;
}

HeldOutList load_held_out_list(const std::filesystem::path& path) {
  return parse_held_out_list(read_text_source(path, largest_list), path.string());
}

HeldOutRules::HeldOutRules(HeldOutList list) : list_(std::move(list)) {
  for (const StructureKey& key : list_.structures)
    structures_[key.space_group].push_back(key);
}

HeldOutRule HeldOutRules::rule_of(const xrd::Crystal& crystal) {
  if (std::any_of(list_.names.begin(), list_.names.end(),
                  [&](const auto& words) { return is_of_mineral(crystal, words); }))
    return HeldOutRule::name;
  const StructureKey key = structure_key(crystal);
  const std::vector<StructureKey>& like = structures_[key.space_group];
  if (std::any_of(like.begin(), like.end(),
                  [&](const StructureKey& one) { return is_same_structure(one, key); }))
    return HeldOutRule::structure;
  if (!list_.types.empty() && list_.types.contains(types_.type_of(crystal))) return HeldOutRule::type;
  return HeldOutRule::none;
}

HeldOutList make_held_out_list(const CrystalSource& minerals, const CrystalSource& others,
                               const HeldOutShares& shares) {
  for (const double share : {shares.minerals, shares.types}) {
    if (!(share >= 0 && share <= 1))
      throw UsageError(fmt::format("held-out list: a share of {} is not in 0..1", share));
  }
  HeldOutList list;
  draw_minerals(list, minerals, shares);
  draw_types(list, minerals, others, shares);
  if (list == HeldOutList{}) {
    throw UsageError(fmt::format("held-out list: nothing of {} minerals and {} other crystals is held out",
                                 minerals.size, others.size));
  }
  return list;
}

}  // namespace bragg::data
