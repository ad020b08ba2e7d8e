#include "apps/suite/suite_json.h"

#include "apps/evaluation/lookup_evaluation.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Rate& rate) {
  return {{"value", rate.value}, {"interval", {rate.low, rate.high}}, {"group_mean", rate.group_mean}};
}

Json to_json(const ByLevel& levels) {
  Json json;
  for (const AnswerLevel level : answer_levels) {
    const LevelFigures& figures = levels[static_cast<std::size_t>(level)];
    json[std::string(key_of(level))] = {{"right", to_json(figures.accuracy)},
                                        {"top5", figures.top5 ? to_json(*figures.top5) : Json()},
                                        {"macro_f1", figures.macro_f1},
                                        {"balanced_accuracy", figures.balanced_accuracy}};
  }
  return json;
}

Json to_json(const Calibration& calibration) {
  return {{"nll", calibration.nll},
          {"ece", calibration.ece},
          {"ece_if_calibrated", {calibration.low, calibration.high}}};
}

Json to_json(const AnswererFigures& answerer) {
  const AnswerFigures& figures = answerer.figures;
  Json json{{"who", name_of(answerer.who)},
            {"where_looked_up", answerer.where_looked_up},
            {"without_resembling", answerer.without_resembling},
            {"patterns", figures.patterns},
            {"groups", figures.groups},
            {"levels", to_json(figures.levels)},
            {"calibration", to_json(figures.calibration)},
            {"after_temperature", figures.after_temperature ? to_json(*figures.after_temperature) : Json()},
            {"temperatures", figures.temperatures},
            {"coverage", Json::array()},
            {"kinds", Json::array()}};
  for (const CoveragePoint& point : figures.coverage)
    json["coverage"].push_back({{"share", point.share},
                                {"patterns", point.patterns},
                                {"least_confidence", point.least_confidence},
                                {"right", point.accuracy}});
  for (const KindFigures& kind : figures.kinds)
    json["kinds"].push_back({{"kind", kind.kind},
                             {"patterns", kind.patterns},
                             {"modulo_pairs", kind.modulo_pairs},
                             {"crystal_system", kind.crystal_system}});
  return json;
}

Json to_json(const PartResult& result) {
  Json json{{"name", result.part->name},
            {"title", result.part->title},
            {"what", result.part->what},
            {"files", std::vector<std::string>(result.part->files.begin(), result.part->files.end())},
            {"absent", result.absent},
            {"paths", result.paths},
            {"size", result.size},
            {"asked", result.asked},
            {"every", result.step},
            {"looked_up", result.looked_up}};
  json["refused"] = Json::array();
  for (const RefusedPattern& refused : result.refused)
    json["refused"].push_back({{"index", refused.index}, {"reason", refused.reason}});
  json["answers"] = Json::array();
  for (const AnswererFigures& answerer : result.answerers)
    json["answers"].push_back(to_json(answerer));
  json["baselines"] = Json::array();
  for (const BaselineFigures& baseline : result.baselines)
    json["baselines"].push_back({{"name", baseline.name}, {"levels", to_json(baseline.levels)}});
  json["refusals"] = Json::array();
  for (const RefusalFigures& one : result.refusals)
    json["refusals"].push_back({{"kind", one.kind},
                                {"patterns", one.patterns},
                                {"refused", one.refused},
                                {"share", to_json(one.rate)}});
  json["mixtures"] = Json::array();
  for (const MixtureFigures& one : result.mixtures) {
    Json figures = to_json(one.evaluation);
    figures.erase("scans");
    json["mixtures"].push_back({{"elements_given", one.elements_given}, {"figures", std::move(figures)}});
  }
  json["notes"] = result.notes;
  json["failed"] = result.failed.empty() ? Json() : Json(result.failed);
  json["seconds"] = result.seconds;
  return json;
}

}  // namespace

Json to_json(const SuiteResult& result) {
  Json json{{"model", result.model.empty() ? Json() : Json(result.model)},
            {"library", {{"structures", result.library_size}, {"content", result.library_content}}},
            {"references", {{"patterns", result.references}, {"absent", result.absent_references}}},
            {"resembling_similarity", resembling_similarity},
            {"folders", result.folders},
            {"parts", Json::array()}};
  for (const PartResult& part : result.parts)
    json["parts"].push_back(to_json(part));
  json["seconds"] = result.seconds;
  json["command"] = result.command;
  json["date"] = result.date;
  json["bragg"] = result.bragg;
  return json;
}

}  // namespace bragg::apps
