#include "apps/evaluation/evaluation_json.h"

#include <fmt/format.h>

#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string_view system_name(int index) {
  return xrd::name_of(static_cast<xrd::CrystalSystem>(index));
}

/// A rate under its own key with its interval beside it.
void put(Json& json, const std::string& key, const Rate& rate) {
  json[key] = rate.value;
  json[key + "_interval"] = {rate.low, rate.high};
  json[key + "_group_mean"] = rate.group_mean;
}

Json class_name(int c, ClassKind kind) {
  if (kind == ClassKind::crystal_system) return {{"crystal_system", system_name(c)}};
  return {{"space_group", c + 1},
          {"hm", xrd::hm_short(c + 1)},
          {"crystal_system", xrd::name_of(xrd::crystal_system(c + 1))}};
}

bool occurs(const nn::ClassMetrics& m) {
  return m.count > 0 || m.predicted > 0;
}

Json per_class(const ClassScores& scores, ClassKind kind) {
  Json list = Json::array();
  for (std::size_t c = 0; c < scores.metrics.per_class.size(); ++c) {
    const nn::ClassMetrics& m = scores.metrics.per_class[c];
    if (kind == ClassKind::space_group && !occurs(m)) continue;
    Json entry = class_name(static_cast<int>(c), kind);
    entry.update({{"count", m.count},
                  {"predicted", m.predicted},
                  {"correct", m.correct},
                  {"precision", m.precision},
                  {"recall", m.recall},
                  {"f1", m.f1}});
    list.push_back(std::move(entry));
  }
  return list;
}

/// Rows are the true classes. Space groups: the cells that are not zero.
Json confusion(const ClassScores& scores, ClassKind kind) {
  const auto classes = scores.metrics.per_class.size();
  Json result = Json::array();
  for (std::size_t t = 0; t < classes; ++t) {
    Json row = Json::array();
    for (std::size_t p = 0; p < classes; ++p) {
      const std::int64_t count = scores.metrics.confusion[t * classes + p];
      if (kind == ClassKind::crystal_system) row.push_back(count);
      if (kind == ClassKind::space_group && count > 0) {
        result.push_back({{"true", t + 1}, {"predicted", p + 1}, {"count", count}});
      }
    }
    if (kind == ClassKind::crystal_system) result.push_back(std::move(row));
  }
  return result;
}

Json scores_json(const ClassScores& scores, ClassKind kind) {
  Json json;
  put(json, "accuracy", scores.accuracy);
  if (scores.accuracy_modulo_pairs) put(json, "accuracy_modulo_pairs", *scores.accuracy_modulo_pairs);
  put(json, "top5", scores.top5);
  json["macro_f1"] = scores.metrics.macro_f1;
  json["confusion"] = confusion(scores, kind);
  return json;
}

Json baseline_json(const BaselineScores& scores) {
  Json json;
  put(json, "space_group", scores.space_group);
  put(json, "space_group_modulo_pairs", scores.space_group_modulo_pairs);
  put(json, "crystal_system", scores.crystal_system);
  return json;
}

std::string percent(const Rate& rate) {
  return fmt::format("{:>5.1f} % {:>15}", 100 * rate.value,
                     fmt::format("({:.1f}..{:.1f})", 100 * rate.low, 100 * rate.high));
}

void add_row(std::string& text, const std::string& name, const std::string& a, const std::string& b,
             const std::string& c) {
  text += fmt::format("  {:<32}{:>24}{:>24}{:>24}\n", name, a, b, c);
}

void add_baseline(std::string& text, const std::string& name, const BaselineScores& scores) {
  add_row(text, name, percent(scores.crystal_system), percent(scores.space_group),
          percent(scores.space_group_modulo_pairs));
}

}  // namespace

Json to_json(const Evaluation& evaluation, const EvaluationContext& context) {
  Json json = {{"patterns", evaluation.patterns}, {"groups", evaluation.groups}, {"refused", Json::array()}};
  for (const RefusedPattern& refused : evaluation.refused) {
    json["refused"].push_back({{"index", refused.index}, {"reason", refused.reason}});
  }
  json["space_group"] =
      evaluation.space_group ? scores_json(*evaluation.space_group, ClassKind::space_group) : Json(nullptr);
  json["crystal_system"] = scores_json(evaluation.crystal_system, ClassKind::crystal_system);
  Json majority = baseline_json(evaluation.majority);
  majority["space_group_answer"] = evaluation.majority_space_group;
  majority["crystal_system_answer"] = system_name(evaluation.majority_crystal_system);
  json["baselines"]["majority"] = std::move(majority);
  json["baselines"]["nearest_neighbour"] =
      evaluation.nearest_neighbour ? baseline_json(*evaluation.nearest_neighbour) : Json(nullptr);
  json["per_class"] = evaluation.space_group
                          ? per_class(*evaluation.space_group, ClassKind::space_group)
                          : per_class(evaluation.crystal_system, ClassKind::crystal_system);
  json["per_crystal_system"] = per_class(evaluation.crystal_system, ClassKind::crystal_system);
  json["model"] = context.model;
  json["set"] = context.patterns;
  json["neighbours"] = context.neighbours.empty() ? Json(nullptr) : Json(context.neighbours);
  json["command"] = context.command;
  json["date"] = context.date;
  json["bragg"] = context.bragg;
  return json;
}

std::string to_text(const Evaluation& evaluation, const EvaluationContext& context) {
  std::string text = fmt::format("{} on {}\n{} patterns in {} groups", context.model, context.patterns,
                                 evaluation.patterns, evaluation.groups);
  if (!evaluation.refused.empty()) {
    text += fmt::format("; {} more refused, the first ({}): {}", evaluation.refused.size(),
                        evaluation.refused.front().index, evaluation.refused.front().reason);
  }
  text += "\n\n";
  add_row(text, "right (95 % interval)", "crystal system", "space group", "modulo pairs");
  const ClassScores& systems = evaluation.crystal_system;
  const auto& groups = evaluation.space_group;
  add_row(text, "model", percent(systems.accuracy), groups ? percent(groups->accuracy) : "-",
          groups ? percent(*groups->accuracy_modulo_pairs) : "-");
  add_row(text, "model, mean over groups", fmt::format("{:.1f} %", 100 * systems.accuracy.group_mean),
          groups ? fmt::format("{:.1f} %", 100 * groups->accuracy.group_mean) : "-",
          groups ? fmt::format("{:.1f} %", 100 * groups->accuracy_modulo_pairs->group_mean) : "-");
  if (groups) add_row(text, "model, among the first five", "", percent(groups->top5), "");
  add_row(text, "model, macro F1", fmt::format("{:.3f}", systems.metrics.macro_f1),
          groups ? fmt::format("{:.3f}", groups->metrics.macro_f1) : "-", "");
  add_baseline(text,
               fmt::format("always {} / {}", system_name(evaluation.majority_crystal_system),
                           xrd::hm_short(evaluation.majority_space_group)),
               evaluation.majority);
  if (evaluation.nearest_neighbour) add_baseline(text, "nearest neighbour", *evaluation.nearest_neighbour);

  text += "\n  answered:      ";
  for (int c = 0; c < xrd::crystal_system_count; ++c)
    text += fmt::format("{:>13}", system_name(c));
  text += fmt::format("{:>11}{:>11}\n", "recall", "precision");
  for (int t = 0; t < xrd::crystal_system_count; ++t) {
    text += fmt::format("  {:<15}", system_name(t));
    for (int p = 0; p < xrd::crystal_system_count; ++p) {
      text += fmt::format(
          "{:>13}", systems.metrics.confusion[static_cast<std::size_t>(t * xrd::crystal_system_count + p)]);
    }
    const nn::ClassMetrics& m = systems.metrics.per_class[static_cast<std::size_t>(t)];
    text += fmt::format("{:>11}{:>11}\n", m.count > 0 ? fmt::format("{:.3f}", m.recall) : "-",
                        m.predicted > 0 ? fmt::format("{:.3f}", m.precision) : "-");
  }
  return text;
}

}  // namespace bragg::apps
