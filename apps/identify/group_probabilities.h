// Crystal systems and space groups with their probabilities, as predict and identify print them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace bragg::apps {

struct GroupProbability {
  int space_group = 0;  ///< 1..230; of an enantiomorphic pair the lower number
  double probability = 0;
};

/// Probabilities (230) of the groups by number - 1 -> descending, equal ones by number. An enantiomorphic
/// pair is one entry with the sum of both: a powder pattern cannot tell which it is. Throws Error for another
/// count.
std::vector<GroupProbability> merged_enantiomorphs(std::span<const float> of_groups);

/// [{"name", "probability"}] of the 7 crystal systems, descending.
nlohmann::ordered_json crystal_systems_json(std::span<const double> of_systems);
/// [{"number", "hm", "probability", "indistinguishable_from"}] of the first `top`.
nlohmann::ordered_json space_groups_json(std::span<const GroupProbability>, int top);

/// "trigonal 97.1 %, hexagonal 2.9 %": descending, those that show.
std::string crystal_systems_text(std::span<const double> of_systems);
/// The same for the first `top` space groups, a line each, for a column behind a heading.
std::vector<std::string> space_groups_text(std::span<const GroupProbability>, int top);

}  // namespace bragg::apps
