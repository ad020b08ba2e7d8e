#include "apps/evaluation/answered.h"

#include <algorithm>
#include <map>
#include <utility>

#include "xrd/symmetry/extinction_symbol.h"

namespace bragg::apps {
namespace {

struct Classes {
  xrd::BySpaceGroup<int> of_group;
  int count = 0;
};

/// Classes are numbered in the order of their first space group.
template <typename Key>
Classes numbered(Key key_of_group) {
  std::map<decltype(key_of_group(1)), int> numbers;
  Classes classes;
  for (int group = 1; group <= xrd::space_group_count; ++group) {
    const auto added = numbers.try_emplace(key_of_group(group), classes.count);
    classes.of_group[group] = added.first->second;
    if (added.second) ++classes.count;
  }
  return classes;
}

const Classes& classes_of(AnswerLevel level) {
  static const std::array<Classes, answer_levels.size()> all{
      numbered([](int group) { return group; }), numbered(xrd::modulo_enantiomorph), numbered([](int group) {
        return std::pair(xrd::laue_class(group), xrd::extinction_symbol_of_any_axes(group));
      }),
      numbered(xrd::crystal_system)};
  return all.at(static_cast<std::size_t>(level));
}

}  // namespace

Answered answered_by_network(std::span<const float> space_groups, std::span<const float> crystal_systems) {
  Answered answered;
  for (int number = 1; number <= xrd::space_group_count; ++number)
    answered.space_group[number] = double{space_groups[static_cast<std::size_t>(number - 1)]};
  std::copy(crystal_systems.begin(), crystal_systems.end(), answered.crystal_system.begin());
  return answered;
}

Answered answered_by_lookup(const data::Ranking& ranking, std::span<const data::RankingCandidate> candidates,
                            const xrd::BySpaceGroup<double>& prior) {
  Answered answered;
  answered.space_group = ranking.space_group;
  answered.crystal_system = ranking.crystal_system;
  xrd::BySpaceGroup<double> found;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    found[candidates[i].space_group] += ranking.candidates[i];
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    const auto mirror = xrd::enantiomorph(number);
    if (!mirror || *mirror < number) continue;
    const xrd::BySpaceGroup<double>& share = found[number] + found[*mirror] > 0 ? found : prior;
    const double of_lower = share[number] / (share[number] + share[*mirror]);
    answered.space_group[number] = ranking.space_group[number] * of_lower;
    answered.space_group[*mirror] = ranking.space_group[number] * (1 - of_lower);
  }
  return answered;
}

std::string_view key_of(AnswerLevel level) {
  constexpr std::array<std::string_view, answer_levels.size()> keys{"space_group", "modulo_pairs",
                                                                    "extinction_group", "crystal_system"};
  return keys.at(static_cast<std::size_t>(level));
}

std::string_view title_of(AnswerLevel level) {
  constexpr std::array<std::string_view, answer_levels.size()> titles{"space group", "mirror pairs as one",
                                                                      "extinction group", "crystal system"};
  return titles.at(static_cast<std::size_t>(level));
}

int classes_at(AnswerLevel level) {
  return classes_of(level).count;
}

int class_at(AnswerLevel level, int space_group) {
  return classes_of(level).of_group[space_group];
}

std::vector<double> probabilities_at(AnswerLevel level, const Answered& answered) {
  if (level == AnswerLevel::crystal_system)
    return {answered.crystal_system.begin(), answered.crystal_system.end()};
  const Classes& classes = classes_of(level);
  std::vector<double> sums(static_cast<std::size_t>(classes.count));
  for (int number = 1; number <= xrd::space_group_count; ++number)
    sums[static_cast<std::size_t>(classes.of_group[number])] += answered.space_group[number];
  return sums;
}

int best_class(std::span<const double> probabilities) {
  return static_cast<int>(std::max_element(probabilities.begin(), probabilities.end()) -
                          probabilities.begin());
}

}  // namespace bragg::apps
