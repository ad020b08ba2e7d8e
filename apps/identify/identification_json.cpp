#include "apps/identify/identification_json.h"

#include "apps/identify/group_probabilities.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const Candidate& candidate) {
  const xrd::UnitCell& cell = candidate.cell;
  return {{"name", candidate.name},
          {"formula", candidate.formula},
          {"space_group", candidate.space_group},
          {"hm", xrd::hm_short(candidate.space_group)},
          {"cell", {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma}},
          {"weight_fraction", number_or_null(candidate.weight_fraction)},
          {"similarity", candidate.similarity},
          {"residual", candidate.residual},
          {"explained", candidate.explained},
          {"cell_change", candidate.cell_change},
          {"source", candidate.source},
          {"entry", candidate.entry},
          // Of a phase of several none is known.
          {"probability", candidate.weight_fraction ? Json(nullptr) : Json(candidate.probability)},
          {"variants", candidate.variants}};
}

Json to_json(const std::vector<Candidate>& candidates) {
  Json all = Json::array();
  for (const Candidate& candidate : candidates)
    all.push_back(to_json(candidate));
  return all;
}

/// What a phase is, without what it is refined to.
Json named(const Candidate& phase) {
  return {{"name", phase.name},
          {"formula", phase.formula},
          {"space_group", phase.space_group},
          {"source", phase.source},
          {"entry", phase.entry}};
}

Json to_json(const OtherMixture& hypothesis) {
  Json phases = Json::array();
  for (const Candidate& phase : hypothesis.phases)
    phases.push_back(named(phase));
  return {{"phases", std::move(phases)}, {"residual", hypothesis.residual}};
}

}  // namespace

Json to_json(const Identification& answer, int top) {
  Json json = {
      {"file", answer.file},         {"index", answer.index},       {"assumed", to_json(answer.assumed)},
      {"warnings", answer.warnings}, {"refused", nullptr},          {"crystal_system", Json::array()},
      {"space_group", nullptr},      {"confidence", nullptr},       {"no_match", nullptr},
      {"phases", Json::array()},     {"candidates", Json::array()}, {"hypotheses", Json::array()}};
  if (answer.refused) {
    json["refused"] = *answer.refused;
    return json;
  }
  json["crystal_system"] = crystal_systems_json(answer.crystal_system);
  json["space_group"] = space_groups_json(answer.space_groups, top);
  json["confidence"] = answer.confidence();
  if (answer.no_match) json["no_match"] = name_of(*answer.no_match);
  json["phases"] = to_json(answer.phases);
  json["candidates"] = to_json(answer.candidates);
  for (const OtherMixture& hypothesis : answer.hypotheses)
    json["hypotheses"].push_back(to_json(hypothesis));
  return json;
}

std::string json_line(const Identification& answer, int top) {
  return to_json(answer, top).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bragg::apps
