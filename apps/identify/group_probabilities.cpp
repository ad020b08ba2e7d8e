#include "apps/identify/group_probabilities.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

struct SystemProbability {
  std::string_view name;
  double probability;
};

std::vector<SystemProbability> sorted_systems(std::span<const double> of_systems) {
  std::vector<SystemProbability> all;
  for (std::size_t s = 0; s < of_systems.size(); ++s)
    all.push_back({xrd::name_of(static_cast<xrd::CrystalSystem>(s)), of_systems[s]});
  std::stable_sort(all.begin(), all.end(), [](const SystemProbability& a, const SystemProbability& b) {
    return a.probability > b.probability;
  });
  return all;
}

std::span<const GroupProbability> first_of(std::span<const GroupProbability> groups, int top) {
  return groups.first(std::min(groups.size(), static_cast<std::size_t>(std::max(top, 0))));
}

}  // namespace

std::vector<GroupProbability> merged_enantiomorphs(std::span<const float> of_groups) {
  if (of_groups.size() != xrd::space_group_count) {
    throw Error(fmt::format("[merged_enantiomorphs] {} probabilities for {} space groups", of_groups.size(),
                            xrd::space_group_count));
  }
  std::vector<GroupProbability> merged;
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    if (xrd::modulo_enantiomorph(number) != number) continue;
    double probability = of_groups[static_cast<std::size_t>(number) - 1];
    if (const auto pair = xrd::enantiomorph(number))
      probability += of_groups[static_cast<std::size_t>(*pair) - 1];
    merged.push_back({number, probability});
  }
  std::stable_sort(merged.begin(), merged.end(), [](const GroupProbability& a, const GroupProbability& b) {
    return a.probability > b.probability;
  });
  return merged;
}

Json crystal_systems_json(std::span<const double> of_systems) {
  Json all = Json::array();
  for (const SystemProbability& system : sorted_systems(of_systems))
    all.push_back({{"name", system.name}, {"probability", system.probability}});
  return all;
}

Json space_groups_json(std::span<const GroupProbability> groups, int top) {
  Json all = Json::array();
  for (const GroupProbability& group : first_of(groups, top)) {
    const auto pair = xrd::enantiomorph(group.space_group);
    all.push_back({{"number", group.space_group},
                   {"hm", xrd::hm_short(group.space_group)},
                   {"probability", group.probability},
                   {"indistinguishable_from", pair ? Json(*pair) : Json(nullptr)}});
  }
  return all;
}

std::string crystal_systems_text(std::span<const double> of_systems) {
  std::string text;
  for (const SystemProbability& system : sorted_systems(of_systems)) {
    if (system.probability < 0.0005 && !text.empty()) break;
    text += fmt::format("{}{} {:.1f} %", text.empty() ? "" : ", ", system.name, 100 * system.probability);
  }
  return text;
}

std::vector<std::string> space_groups_text(std::span<const GroupProbability> groups, int top) {
  std::vector<std::string> lines;
  for (const GroupProbability& group : first_of(groups, top)) {
    const int number = group.space_group;
    const auto pair = xrd::enantiomorph(number);
    lines.push_back(fmt::format("{:>3}  {:<9} {:>5.1f} %  {}", number, xrd::hm_short(number),
                                100 * group.probability,
                                pair ? fmt::format("or its mirror image {} ({}): powder patterns can't tell",
                                                   *pair, xrd::hm_short(*pair))
                                     : std::string(xrd::name_of(xrd::crystal_system(number)))));
  }
  return lines;
}

}  // namespace bragg::apps
