#include "apps/evaluation/lookup_evaluation.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "apps/evaluation/labelled_files.h"
#include "apps/evaluation/measured_paths.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

/// An answer with mirror images as one group.
struct Merged {
  const Answered* answered;
  std::vector<double> groups;
  int best, truth;

  explicit Merged(const Answered& one)
      : answered(&one),
        groups(probabilities_at(AnswerLevel::modulo_pairs, one)),
        best(best_class(groups)),
        truth(class_at(AnswerLevel::modulo_pairs, one.truth)) {}

  double confidence() const { return groups[static_cast<std::size_t>(best)]; }
  double of_truth() const { return groups[static_cast<std::size_t>(truth)]; }
  bool is_right() const { return best == truth; }
  bool has_right_system() const {
    return best_class(answered->crystal_system) == class_at(AnswerLevel::crystal_system, answered->truth);
  }
  bool is_among_five() const {
    return std::count_if(groups.begin(), groups.end(), [&](double p) { return p > of_truth(); }) < 5;
  }
};

Rate rate_over(std::span<const Merged> answers, const std::function<bool(const Merged&)>& is_right) {
  std::vector<std::uint8_t> right;
  std::vector<std::int32_t> group;
  for (const Merged& answer : answers) {
    right.push_back(is_right(answer));
    group.push_back(answer.answered->group);
  }
  return rate_of(right, group);
}

LookupScores scores_of(std::string name, std::span<const Answered> answered) {
  std::vector<Merged> answers(answered.begin(), answered.end());
  LookupScores scores{.name = std::move(name),
                      .space_group = rate_over(answers, &Merged::is_right),
                      .crystal_system = rate_over(answers, &Merged::has_right_system),
                      .top5 = rate_over(answers, &Merged::is_among_five)};
  std::vector<double> confidence, of_truth;
  std::vector<std::uint8_t> right;
  for (const Merged& answer : answers) {
    confidence.push_back(answer.confidence());
    of_truth.push_back(answer.of_truth());
    right.push_back(answer.is_right());
  }
  scores.calibration = calibration_of(confidence, right, of_truth);
  constexpr double limits[] = {0, 0.7, 0.8, 1.01};
  for (int i = 0; i < 3; ++i) {
    LookupScores::Part part{limits[i], std::min(1.0, limits[i + 1]), 0, 0, 0};
    for (const Merged& answer : answers) {
      const auto similarity = double{answer.answered->similarity};
      if (similarity < limits[i] || similarity >= limits[i + 1]) continue;
      ++part.patterns;
      part.space_group += answer.is_right();
      part.crystal_system += answer.has_right_system();
    }
    for (double* share : {&part.space_group, &part.crystal_system})
      *share /= static_cast<double>(std::max<std::int64_t>(1, part.patterns));
    scores.by_similarity.push_back(part);
  }
  std::stable_sort(answers.begin(), answers.end(),
                   [](const Merged& a, const Merged& b) { return a.confidence() > b.confidence(); });
  scores.surer_half = rate_over(std::span(answers).first((answers.size() + 1) / 2), &Merged::is_right);
  return scores;
}

std::vector<LookupScores> scores_of(const LookupAnswers& answers) {
  std::vector<LookupScores> scores{scores_of("look-up", answers.look_up)};
  if (!answers.network.empty()) {
    scores.push_back(scores_of("network", answers.network));
    scores.push_back(scores_of("both", answers.both));
  }
  return scores;
}

std::string figures_of(const LabelledItem& item, const Findings& found) {
  Json candidates = Json::array();
  for (const data::RankingCandidate& candidate : found.candidates)
    candidates.push_back({candidate.space_group, candidate.similarity, candidate.calculated ? 1 : 0,
                          candidate.root_cosine, candidate.misfit, candidate.explained, candidate.obliquity,
                          candidate.refined_obliquity});
  return Json{{"file", item.item.file},
              {"index", item.item.index},
              {"space_group", item.space_group},
              {"group", item.group},
              {"candidates", std::move(candidates)},
              {"network", found.network.empty() ? Json() : Json(found.network)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

void put(Json& json, const char* key, const Rate& rate) {
  json[key] = rate.value;
  json[std::string(key) + "_interval"] = {rate.low, rate.high};
}

Json to_json(const LookupScores& scores) {
  Json json{{"name", scores.name}};
  put(json, "space_group", scores.space_group);
  put(json, "crystal_system", scores.crystal_system);
  put(json, "top5", scores.top5);
  put(json, "surer_half", scores.surer_half);
  json["nll"] = scores.calibration.nll;
  json["ece"] = scores.calibration.ece;
  json["ece_if_calibrated"] = {scores.calibration.low, scores.calibration.high};
  json["by_similarity"] = Json::array();
  for (const LookupScores::Part& part : scores.by_similarity) {
    json["by_similarity"].push_back({{"from", part.from},
                                     {"to", part.to},
                                     {"patterns", part.patterns},
                                     {"space_group", part.space_group},
                                     {"crystal_system", part.crystal_system}});
  }
  return json;
}

Json to_json(std::span<const LookupScores> all) {
  Json list = Json::array();
  for (const LookupScores& scores : all)
    list.push_back(to_json(scores));
  return list;
}

std::string percent(const Rate& rate) {
  return fmt::format("{:>5.1f} ({:.0f}..{:.0f})", 100 * rate.value, 100 * rate.low, 100 * rate.high);
}

void add_table(std::string& text, std::span<const LookupScores> all) {
  text += fmt::format("  {:<9}{:>16}{:>16}{:>16}{:>16}{:>7}{:>7}  {}\n", "right, %", "crystal system",
                      "space group", "top 5", "surer half", "NLL", "ECE", "5..95 % of chance");
  for (const LookupScores& one : all) {
    text += fmt::format("  {:<9}{:>16}{:>16}{:>16}{:>16}{:>7.3f}{:>7.3f}  {:.3f}..{:.3f}\n", one.name,
                        percent(one.crystal_system), percent(one.space_group), percent(one.top5),
                        percent(one.surer_half), one.calibration.nll, one.calibration.ece,
                        one.calibration.low, one.calibration.high);
  }
  text += "  by the best similarity: patterns, crystal system / space group right, %\n";
  for (const LookupScores& one : all) {
    text += fmt::format("  {:<9}", one.name);
    for (const LookupScores::Part& part : one.by_similarity) {
      text += fmt::format("   {:.1f}..{:.1f}: {:>4}, {:>5.1f} / {:>5.1f}", part.from, part.to, part.patterns,
                          100 * part.crystal_system, 100 * part.space_group);
    }
    text += "\n";
  }
}

}  // namespace

std::vector<LabelledItem> read_labelled_items(const std::string& path, MeasuredReading reading,
                                              const ModelFacts& facts) {
  reading.keep_measured = true;
  std::vector<LabelledItem> items;
  if (is_pattern_set(path)) {
    const data::PatternSet set(path, data::ValueCheck::on_reading);
    if (!set.has_labels()) throw Error(fmt::format("{}: no space_group: nothing to compare with", path));
    read_measured({path}, reading, facts, [&](MeasuredItem item) {
      const std::int64_t i = item.index;
      items.push_back({std::move(item), set.space_group(i), set.group(i)});
    });
    return items;
  }
  const std::vector<LabelledFile> files = read_labelled_files(path);
  std::vector<std::string> paths;
  std::vector<std::int32_t> group;
  std::map<std::string, std::int32_t> groups;
  for (const LabelledFile& file : files) {
    paths.push_back((std::filesystem::path(path).parent_path() / file.file).string());
    const std::string key = file.phase.empty() ? "file " + file.file : "phase " + file.phase;
    group.push_back(groups.try_emplace(key, static_cast<std::int32_t>(groups.size())).first->second);
  }
  read_measured(paths, reading, facts, [&](MeasuredItem item) {
    const std::size_t source = item.source;
    items.push_back({std::move(item), files[source].space_group, group[source]});
  });
  return items;
}

LookupAnswers answers_of(const Identifier& identifier, std::span<const LabelledItem> items,
                         std::span<const Findings> found) {
  LookupAnswers answers;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].item.refused) continue;
    const Findings& one = found[i];
    const auto labelled = [&](Answered answered) {
      answered.truth = items[i].space_group;
      answered.group = items[i].group;
      answered.similarity = one.best_similarity();
      return answered;
    };
    const auto looked_up = [&](std::span<const float> with) {
      return labelled(answered_by_lookup(data::rank_candidates(one.candidates, identifier.prior(), with),
                                         one.candidates, identifier.prior()));
    };
    answers.look_up.push_back(looked_up({}));
    if (one.network.empty()) continue;
    answers.network.push_back(labelled(answered_by_network(one.network, one.network_system)));
    answers.both.push_back(looked_up(one.network));
  }
  return answers;
}

LookupEvaluation evaluate_lookup(Identifier& identifier, std::vector<LabelledItem> items) {
  std::vector<MeasuredItem> measured;
  for (LabelledItem& item : items)
    measured.push_back(std::move(item.item));
  const std::vector<Findings> found = identifier.find(measured);
  const std::vector<Findings> others = identifier.find_unlike(measured, resembling_similarity);
  LookupEvaluation result;
  std::set<std::int32_t> groups;
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].item = std::move(measured[i]);
    if (items[i].item.refused) {
      result.refused.push_back(
          {items[i].item.index, fmt::format("{}: {}", items[i].item.file, *items[i].item.refused)});
      continue;
    }
    ++result.patterns;
    groups.insert(items[i].group);
    result.figures.push_back(figures_of(items[i], found[i]));
  }
  if (result.patterns == 0) {
    throw Error(fmt::format("none of {} patterns can be used{}", items.size(),
                            result.refused.empty() ? "" : ": " + result.refused.front().reason));
  }
  result.groups = static_cast<std::int64_t>(groups.size());
  result.scores = scores_of(answers_of(identifier, items, found));
  result.without_resembling = scores_of(answers_of(identifier, items, others));
  return result;
}

Json to_json(const LookupEvaluation& evaluation) {
  Json json{{"patterns", evaluation.patterns}, {"groups", evaluation.groups}, {"refused", Json::array()}};
  for (const RefusedPattern& refused : evaluation.refused)
    json["refused"].push_back({{"index", refused.index}, {"reason", refused.reason}});
  json["scores"] = to_json(std::span(evaluation.scores));
  json["without_resembling"] = to_json(std::span(evaluation.without_resembling));
  return json;
}

std::string to_text(const LookupEvaluation& evaluation) {
  std::string text = fmt::format("{} patterns in {} groups", evaluation.patterns, evaluation.groups);
  if (!evaluation.refused.empty()) {
    text += fmt::format("; {} more refused, the first ({}): {}", evaluation.refused.size(),
                        evaluation.refused.front().index, evaluation.refused.front().reason);
  }
  text += "\nMirror images count as one space group; 95 % intervals over groups.\n\n";
  add_table(text, evaluation.scores);
  text += fmt::format(
      "\nEvery structure above {} left out, which is nearer to an unknown phase{}:\n", resembling_similarity,
      evaluation.without_resembling.size() > 1 ? " (the network may have been trained on those)" : "");
  add_table(text, evaluation.without_resembling);
  return text;
}

}  // namespace bragg::apps
