// What was answered of one pattern whose space group is known, in whichever way (a network, a look-up, both), and how
// closely an answer is looked at.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/search/ranking.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {

struct Answered {
  xrd::BySpaceGroup<double> space_group{};  ///< adds up to 1, mirror images apart
  std::array<double, xrd::crystal_system_count> crystal_system{};
  int truth = 0;           ///< 1..230
  std::int32_t group = 0;  ///< patterns of one group are near-identical
  float similarity = 0;    ///< of the most similar structure, where the pattern was looked up
  std::string kind = {};   ///< what answers are counted apart by; may be empty
};

/// Of a network: the probabilities of the space groups (230) and of the crystal systems (7).
Answered answered_by_network(std::span<const float> space_groups, std::span<const float> crystal_systems);
/// Of a look-up, with or without a network. The ranking knows a mirror pair as one group: its probability is divided as
/// those of the candidates of either are, without candidates as `prior`.
Answered answered_by_lookup(const data::Ranking&, std::span<const data::RankingCandidate>,
                            const xrd::BySpaceGroup<double>& prior);

/// What counts as the same answer.
enum class AnswerLevel {
  space_group,
  modulo_pairs,  ///< the 11 enantiomorphic pairs are one group each
  extinction_group,  ///< Laue class and extinction symbol, whichever axis is which: what absences of lines can tell
  crystal_system
};
inline constexpr std::array answer_levels{AnswerLevel::space_group, AnswerLevel::modulo_pairs,
                                          AnswerLevel::extinction_group, AnswerLevel::crystal_system};
std::string_view key_of(AnswerLevel);    ///< "space_group", "modulo_pairs" ...: in JSON
std::string_view title_of(AnswerLevel);  ///< "space group", "mirror pairs as one" ...

int classes_at(AnswerLevel);
/// The class of a space group (1..230), from 0.
int class_at(AnswerLevel, int space_group);
/// (classes_at(level)); of the crystal systems Answered::crystal_system, else sums over the groups of a class.
std::vector<double> probabilities_at(AnswerLevel, const Answered&);
/// The class of the largest probability, of equals the lowest.
int best_class(std::span<const double> probabilities);

}  // namespace bragg::apps
