#include "apps/evaluation/mixture_evaluation.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "data/formats/text_rows.h"
#include "data/mixture/isotypes.h"
#include "data/search/element_filter.h"
#include "data/text_source.h"
#include "data/text_table.h"
#include "kernels/base/error.h"
#include "xrd/chemical_formula.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;
using Shares = std::array<double, 99>;

/// Between semicolons, blanks around them apart.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const std::string_view part = data::trimmed(text.substr(at, end - at));
    if (!part.empty()) parts.emplace_back(part);
    at = end + 1;
  }
  return parts;
}

std::vector<double> weights_of(const std::string& text, std::size_t phases, const std::string& where) {
  if (text.empty()) return std::vector<double>(phases, 100 / static_cast<double>(phases));
  std::vector<double> weights;
  for (const std::string& part : parts_of(text)) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || end != part.data() + part.size() || !(value >= 0))
      throw UsageError(fmt::format("{}: weight '{}' is no percentage", where, part));
    weights.push_back(value);
  }
  if (weights.size() != phases)
    throw UsageError(fmt::format("{}: {} weights of {} phases", where, weights.size(), phases));
  return weights;
}

data::ElementFilter filter_of(const LabelledMixture& label) {
  data::ElementSet elements;
  elements.add(1);
  elements.add(8);
  for (const std::string& phase : label.phases) {
    const xrd::Composition atoms = xrd::composition_of_formula(phase);
    for (int z = 1; z < 99; ++z)
      if (atoms[static_cast<std::size_t>(z)] > 0) elements.add(z);
  }
  return {elements, {}, {}};
}

/// What an answer of structures says of true phases.
struct Comparison {
  std::vector<std::optional<std::size_t>> found;  ///< of each true phase, the answered one
  std::int64_t named = 0, false_ones = 0;
};

Comparison compared(std::span<const Shares> truth, const std::vector<std::vector<Shares>>& answered) {
  Comparison result;
  result.found.resize(truth.size());
  for (std::size_t a = 0; a < answered.size(); ++a) {
    bool is_taken = false;
    for (std::size_t t = 0; t < truth.size() && !is_taken; ++t) {
      if (result.found[t]) continue;
      is_taken = std::any_of(answered[a].begin(), answered[a].end(), [&](const Shares& shares) {
        return data::have_same_composition(shares, truth[t]);
      });
      if (is_taken) result.found[t] = a;
    }
    (is_taken ? result.named : result.false_ones) += 1;
  }
  return result;
}

class Scorer {
 public:
  Scorer(const data::JoinedLibrary& library, const LabelledMixture& label)
      : library_(library), label_(label) {
    for (const std::string& phase : label.phases)
      truth_.push_back(data::composition_without_hydrogen(xrd::composition_of_formula(phase)));
  }

  bool is_right(std::int32_t structure) const {
    return std::any_of(truth_.begin(), truth_.end(), [&](const Shares& shares) {
      return data::have_same_composition(shares_of(structure), shares);
    });
  }

  Json add(const data::Mixture& mixture, MixtureScores& scores) const {
    std::vector<std::vector<Shares>> alone, with_isotypes;
    Json phases = Json::array();
    for (const data::MixturePhase& phase : mixture.phases) {
      alone.push_back({shares_of(phase.structure)});
      with_isotypes.push_back(alone.back());
      Json others = Json::array();
      for (const std::int32_t other : phase.alternatives) {
        with_isotypes.back().push_back(shares_of(other));
        others.push_back(library_.entry(other).title);
      }
      const data::LibraryEntry entry = library_.entry(phase.structure);
      phases.push_back({{"name", entry.title},
                        {"formula", entry.formula},
                        {"space_group", library_.space_group(phase.structure)},
                        {"entry", entry.entry},
                        {"weight_percent", 100 * phase.weight_fraction},
                        {"similarity", phase.similarity},
                        {"gain", phase.gain},
                        {"right", is_right(phase.structure)},
                        {"alternatives", std::move(others)}});
    }
    const Comparison one = compared(truth_, alone), either = compared(truth_, with_isotypes);
    ++scores.scans;
    scores.phases += std::ssize(truth_);
    scores.named += one.named;
    scores.false_ones += one.false_ones;
    scores.named_with_isotypes += either.named;
    scores.false_with_isotypes += either.false_ones;
    if (one.named == std::ssize(truth_)) {
      ++scores.whole;
      for (std::size_t t = 0; t < truth_.size(); ++t)
        scores.weight_errors.push_back(
            std::abs(100 * mixture.phases[*one.found[t]].weight_fraction - label_.weights[t]));
    }
    Json missing = Json::array();
    for (std::size_t t = 0; t < truth_.size(); ++t)
      if (!one.found[t]) missing.push_back(label_.phases[t]);
    return {{"file", label_.file}, {"axis_stretch", mixture.axis_stretch},
            {"rwp", mixture.rwp},  {"explained", mixture.explained},
            {"phases", phases},    {"missing", std::move(missing)}};
  }

  std::string figures(const data::Mixture& mixture) const {
    Json rounds = Json::array();
    for (const data::MixtureRound& round : mixture.rounds) {
      Json candidates = Json::array();
      for (const auto& candidate : round.candidates) {
        const auto values = data::values_of(candidate.figures);
        candidates.push_back({{"right", is_right(candidate.structure)},
                              {"structure", candidate.structure},
                              {"formula", library_.entry(candidate.structure).formula},
                              {"values", std::vector<double>(values.begin(), values.end())}});
      }
      rounds.push_back({{"last", round.is_last}, {"candidates", std::move(candidates)}});
    }
    return Json{{"file", label_.file}, {"phases", label_.phases}, {"scan", label_.kind}, {"rounds", rounds}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  Shares shares_of(std::int32_t structure) const {
    return data::composition_without_hydrogen(xrd::composition_of(library_.crystal(structure).sites));
  }

  const data::JoinedLibrary& library_;
  const LabelledMixture& label_;
  std::vector<Shares> truth_;
};

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double mean_of(const std::vector<double>& values) {
  return values.empty()
             ? 0
             : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

std::vector<LabelledMixture> read_labelled_mixtures(const std::string& path, std::string& folder) {
  namespace fs = std::filesystem;
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 26;
  const std::string table = fs::is_directory(path) ? (fs::path(path) / "labels.tsv").string() : path;
  folder = fs::path(table).parent_path().string();
  std::vector<LabelledMixture> labels;
  data::for_rows(data::read_text_source(table, largest), table,
                 {.needed = {"file", "phases"}, .optional = {"scan", "weights"}},
                 [&](std::size_t line, auto cells) {
                   const std::string where = fmt::format("{}:{}", table, line);
                   LabelledMixture label{cells[0], cells[2], parts_of(cells[1]), {}};
                   if (label.phases.empty()) throw UsageError(where + ": no phase");
                   try {
                     for (const std::string& phase : label.phases)
                       xrd::composition_of_formula(phase);
                   } catch (const UsageError& reason) {
                     throw UsageError(fmt::format("{}: {}", where, reason.what()));
                   }
                   label.weights = weights_of(cells[3], label.phases.size(), where);
                   labels.push_back(std::move(label));
                 });
  if (labels.empty()) throw UsageError(fmt::format("{}: no pattern", table));
  return labels;
}

std::vector<MeasuredItem> read_mixtures(const std::vector<LabelledMixture>& labels, const std::string& folder,
                                        std::optional<double> wavelength, int threads) {
  std::vector<std::string> files;
  for (const LabelledMixture& label : labels)
    files.push_back((std::filesystem::path(folder) / label.file).string());
  const MeasuredReading reading{.wavelength = wavelength,
                                .threads = threads,
                                .keep_measured = true,
                                .unstated = WavelengthFrom::default_value};
  std::vector<MeasuredItem> items;
  read_measured(files, reading, ModelFacts{}, [&](MeasuredItem item) { items.push_back(std::move(item)); });
  return items;
}

MixtureEvaluation evaluate_mixtures(Backend& backend, const data::JoinedLibrary& library,
                                    const data::SearchIndex& index,
                                    const std::vector<LabelledMixture>& labels,
                                    const std::vector<MeasuredItem>& items,
                                    const MixtureEvaluationSettings& settings) {
  MixtureEvaluation result;
  data::MixtureSettings mixture_settings = settings.mixture;
  mixture_settings.keep_rounds = settings.with_figures;
  std::optional<data::Searcher> searcher;
  std::optional<data::MixtureFinder> finder;
  std::vector<std::string> known;
  for (const MeasuredItem& item : items) {
    const LabelledMixture& label = labels[item.source];
    if (item.refused) {
      result.refused.push_back({item.index, fmt::format("{}: {}", label.file, *item.refused)});
      continue;
    }
    // Searchers are made anew only where the elements are others.
    if (!searcher || (settings.elements_given && known != label.phases)) {
      known = label.phases;
      const auto allowed = settings.elements_given ? data::allowed_structures(index, filter_of(label))
                                                   : std::vector<std::uint8_t>{};
      searcher.emplace(backend, index, data::SearchSettings{}, allowed);
      finder.emplace(data::MixtureTools{backend, *searcher, index, library.crystals()}, mixture_settings);
    }
    const auto begin = std::chrono::steady_clock::now();
    try {
      const data::Mixture mixture = finder->find({&item.measured, item.wavelength, {}});
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
      MixtureScores& scores = result.by_kind[label.kind];
      const Scorer scorer(library, label);
      scores.seconds += taken.count();
      result.scans.push_back(scorer.add(mixture, scores));
      result.scans.back()["seconds"] = taken.count();
      if (settings.with_figures) result.figures.push_back(scorer.figures(mixture));
    } catch (const data::PatternRefused& reason) {
      result.refused.push_back({item.index, fmt::format("{}: {}", label.file, reason.what())});
    }
  }
  if (result.scans.empty()) throw Error(fmt::format("none of {} patterns can be used", items.size()));
  return result;
}

Json to_json(const MixtureEvaluation& evaluation) {
  Json json{{"kinds", Json::array()}, {"refused", Json::array()}, {"scans", evaluation.scans}};
  for (const auto& [kind, scores] : evaluation.by_kind) {
    json["kinds"].push_back(
        {{"scan", kind},
         {"scans", scores.scans},
         {"phases", scores.phases},
         {"named", share(scores.named, scores.phases)},
         {"false_per_scan", share(scores.false_ones, scores.scans)},
         {"named_with_isotypes", share(scores.named_with_isotypes, scores.phases)},
         {"false_per_scan_with_isotypes", share(scores.false_with_isotypes, scores.scans)},
         {"all_named", scores.whole},
         {"median_weight_error_percent", median_of(scores.weight_errors)},
         {"mean_weight_error_percent", mean_of(scores.weight_errors)},
         {"seconds_per_scan",
          scores.seconds / static_cast<double>(std::max<std::int64_t>(1, scores.scans))}});
  }
  for (const RefusedPattern& refused : evaluation.refused)
    json["refused"].push_back({{"index", refused.index}, {"reason", refused.reason}});
  return json;
}

std::string to_text(const MixtureEvaluation& evaluation) {
  std::string text =
      fmt::format("{:<10}{:>6}{:>8}{:>9}{:>12}{:>10}{:>12}{:>8}{:>16}{:>9}\n", "scan", "scans", "phases",
                  "named, %", "false/scan", "isotypes", "false/scan", "whole", "weights off, %", "s/scan");
  for (const auto& [kind, s] : evaluation.by_kind) {
    text +=
        fmt::format("{:<10}{:>6}{:>8}{:>9.1f}{:>12.2f}{:>10.1f}{:>12.2f}{:>8}{:>16}{:>9.2f}\n",
                    kind.empty() ? "all" : kind, s.scans, s.phases, 100 * share(s.named, s.phases),
                    share(s.false_ones, s.scans), 100 * share(s.named_with_isotypes, s.phases),
                    share(s.false_with_isotypes, s.scans), s.whole,
                    fmt::format("{:.1f}, mean {:.1f}", median_of(s.weight_errors), mean_of(s.weight_errors)),
                    s.seconds / static_cast<double>(std::max<std::int64_t>(1, s.scans)));
  }
  text += "Weights of the scans whose phases are all named: the median and the mean error.\n";
  if (!evaluation.refused.empty())
    text += fmt::format("{} refused, the first: {}\n", evaluation.refused.size(),
                        evaluation.refused.front().reason);
  return text;
}

}  // namespace bragg::apps
