#include "apps/report/suite_page.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/evaluation/lookup_evaluation.h"
#include "apps/report/html.h"
#include "apps/report/plots.h"
#include "apps/report/svg.h"
#include "apps/suite/suite_text.h"

namespace bragg::apps::report {
namespace {

constexpr auto pairs = static_cast<std::size_t>(AnswerLevel::modulo_pairs);

using Rows = std::vector<std::vector<std::string>>;

std::string percent(double share) {
  return fmt::format("{:.1f}", 100 * share);
}
std::string with_interval(const Rate& rate) {
  return fmt::format("{} <span class=\"soft\">({:.0f}..{:.0f})</span>", percent(rate.value), 100 * rate.low,
                     100 * rate.high);
}

std::string paragraph(const std::string& text) {
  return text.empty() ? text : "<p>" + escaped(text) + "</p>\n";
}

// ---- the figures of a part ----

std::string levels_table(const PartResult& part) {
  std::vector<std::string> heads{""};
  for (const AnswerLevel level : answer_levels)
    heads.emplace_back(title_of(level));
  Rows rows;
  const auto add = [&](const std::string& name, const ByLevel& levels) {
    rows.push_back({escaped(name)});
    for (const LevelFigures& level : levels)
      rows.back().push_back(with_interval(level.accuracy));
  };
  for (const AnswererFigures& answerer : part.answerers)
    add(answerer_text(answerer), answerer.figures.levels);
  for (const BaselineFigures& baseline : part.baselines)
    add(baseline.name, baseline.levels);
  return table("Right answers, % (95 % interval over groups)", heads, rows);
}

std::string classes_table(const PartResult& part) {
  std::vector<std::string> heads{""};
  for (const AnswerLevel level : answer_levels)
    heads.emplace_back(fmt::format("{}: top 5, macro F1, balanced", title_of(level)));
  Rows rows;
  const auto add = [&](const std::string& name, const ByLevel& levels) {
    rows.push_back({escaped(name)});
    for (const LevelFigures& level : levels)
      rows.back().push_back(fmt::format("{}{:.3f}, {}", level.top5 ? percent(level.top5->value) + " %, " : "",
                                        level.macro_f1, percent(level.balanced_accuracy) + " %"));
  };
  for (const AnswererFigures& answerer : part.answerers)
    add(answerer_text(answerer), answerer.figures.levels);
  for (const BaselineFigures& baseline : part.baselines)
    add(baseline.name, baseline.levels);
  return details("Among the first five, and evenly over the classes", table("", heads, rows));
}

std::string temperatures_of(const AnswerFigures& figures) {
  if (figures.temperatures.empty()) return "-";
  const auto [low, high] = std::minmax_element(figures.temperatures.begin(), figures.temperatures.end());
  return fmt::format("{:.2f}..{:.2f}", *low, *high);
}

std::string calibration_table(const PartResult& part) {
  Rows rows;
  for (const AnswererFigures& answerer : part.answerers) {
    const AnswerFigures& figures = answerer.figures;
    const auto expected = [](const Calibration& one) {
      return fmt::format("{:.3f}..{:.3f}", one.low, one.high);
    };
    rows.push_back({escaped(answerer_text(answerer)), fmt::format("{:.3f}", figures.calibration.nll),
                    fmt::format("{:.3f}", figures.calibration.ece), expected(figures.calibration)});
    const auto& after = figures.after_temperature;
    rows.back().push_back(temperatures_of(figures));
    rows.back().push_back(after ? fmt::format("{:.3f}", after->nll) : "-");
    rows.back().push_back(after ? fmt::format("{:.3f}", after->ece) : "-");
    rows.back().push_back(after ? expected(*after) : "-");
  }
  return table(
      "Whether probabilities hold, mirror pairs as one: NLL and ECE as they are and at a temperature that "
      "was "
      "fitted to other groups; beside each ECE what perfect calibration would give by chance (5th to 95th "
      "percentile)",
      {"", "NLL", "ECE", "if calibrated", "temperature", "NLL", "ECE", "if calibrated"}, rows);
}

std::string coverage_figure(const PartResult& part) {
  std::vector<CoverageLine> lines;
  Rows rows;
  for (const AnswererFigures& answerer : part.answerers) {
    lines.push_back({answerer_text(answerer), answerer.figures.coverage});
    for (const CoveragePoint& point : answerer.figures.coverage)
      rows.push_back({escaped(answerer_text(answerer)), fmt::format("{:.0f} %", 100 * point.share),
                      fmt::format("{}", point.patterns), fmt::format("{:.3f}", point.least_confidence),
                      percent(point.accuracy) + " %"});
  }
  return figure(coverage_plot(lines,
                              fmt::format("Right answers against the share answered: {}", part.part->title)),
                "Only the surest answers, as a share of all, and how many of these are right; mirror pairs "
                "as one.") +
         details("The same as a table",
                 table("", {"", "answered", "patterns", "least probability", "right"}, rows));
}

std::string kinds_table(const PartResult& part) {
  Rows rows;
  for (const AnswererFigures& answerer : part.answerers)
    for (const KindFigures& kind : answerer.figures.kinds)
      rows.push_back({escaped(answerer_text(answerer)), escaped(kind.kind), fmt::format("{}", kind.patterns),
                      percent(kind.modulo_pairs), percent(kind.crystal_system)});
  if (rows.empty()) return {};
  return details(
      part.part->source == SuiteSource::lattice ? "By the size of the cell"
                                                : "By how well the library knows the pattern",
      table("Right answers, %", {"", "", "patterns", "mirror pairs as one", "crystal system"}, rows));
}

std::string refusals_table(const PartResult& part) {
  if (part.refusals.empty()) return {};
  Rows rows;
  for (const RefusalFigures& one : part.refusals)
    rows.push_back({escaped(one.kind), fmt::format("{}", one.patterns), fmt::format("{}", one.refused),
                    with_interval(one.rate)});
  return table("Refused for want of Bragg lines", {"", "patterns", "refused", "% (95 % interval)"}, rows);
}

std::string mixtures_table(const PartResult& part) {
  if (part.mixtures.empty()) return {};
  Rows rows;
  for (const MixtureFigures& one : part.mixtures)
    for (const auto& [kind, scores] : one.evaluation.by_kind) {
      const auto share = [](std::int64_t of, std::int64_t all) {
        return static_cast<double>(of) / static_cast<double>(std::max<std::int64_t>(1, all));
      };
      rows.push_back({escaped(fmt::format("{}{}", one.elements_given ? "elements given" : "without chemistry",
                                          kind.empty() ? "" : ", " + kind)),
                      fmt::format("{}", scores.scans), fmt::format("{}", scores.phases),
                      percent(share(scores.named, scores.phases)),
                      fmt::format("{:.2f}", share(scores.false_ones, scores.scans)),
                      percent(share(scores.named_with_isotypes, scores.phases)),
                      fmt::format("{} of {}", scores.whole, scores.scans)});
    }
  return table(
      "", {"", "scans", "phases", "named, %", "false ones a scan", "named with isotypes, %", "all named"},
      rows);
}

std::string part_section(const PartResult& part) {
  std::string body = paragraph(part.failed.empty() ? "" : "Failed: " + part.failed);
  for (const std::string& note : part.notes)
    body += paragraph(note);
  if (!part.refused.empty())
    body += paragraph(fmt::format("The first that was refused: {}", part.refused.front().reason));
  if (!part.answerers.empty() || !part.baselines.empty()) body += levels_table(part) + classes_table(part);
  if (!part.answerers.empty()) body += calibration_table(part) + coverage_figure(part) + kinds_table(part);
  body += refusals_table(part) + mixtures_table(part);
  return section(
      std::string(part.part->title),
      fmt::format("{} {}; {:.0f} s.", escaped(part.part->what), escaped(sample_text(part)), part.seconds),
      body);
}

// ---- around them ----

std::string overview(const SuiteResult& result) {
  std::vector<RateRow> rows;
  for (const PartResult& part : result.parts) {
    if (part.answerers.empty()) continue;
    const auto name = [&](const std::string& who) { return fmt::format("{}: {}", part.part->name, who); };
    for (const AnswererFigures& answerer : part.answerers) {
      if (answerer.where_looked_up && answerer.who == Answerer::network) continue;
      rows.push_back(
          {name(std::string(name_of(answerer.who)) + (answerer.without_resembling ? ", unknown" : "")),
           answerer.figures.levels[pairs].accuracy, answerer.without_resembling});
    }
    for (const BaselineFigures& baseline : part.baselines)
      rows.push_back({name(baseline.name), baseline.levels[pairs].accuracy, true});
  }
  if (rows.empty()) return {};
  return section("All parts",
                 "Right space groups, mirror pairs as one. \"Unknown\": with what resembles the pattern "
                 "taken out of the "
                 "library; grey as baselines are.",
                 figure(rate_plot(rows, "Right space groups of every part"),
                        "The bar is the 95 % interval over groups of near-identical patterns."));
}

std::string reading_section(const SuiteResult& result) {
  std::string body = "<ul>\n";
  const auto item = [&](const std::string& text) { body += "<li>" + escaped(text) + "</li>\n"; };
  item(
      "The library holds most of the structures that the patterns are of, also the held-out ones: held out "
      "they are from "
      "training alone. Look-up and both name known phases there. Of a phase that nobody has described only "
      "the lines "
      "\"without what resembles it\" speak: every structure whose pattern is more similar than " +
      fmt::format("{}", resembling_similarity) + " is taken out. The network is the same in both.");
  item(
      "The weights by which a look-up ranks, alone and with a network, were fitted to rruff_dev, rruff_more "
      "and "
      "other_instruments: on these they say what the program does, and a little more than it would on "
      "others. Figures that "
      "are fitted to other groups come from bench/identify/fit_ranking.py (docs/measured.md).");
  item(
      "Temperatures are fitted to the groups of four fifths of a part and used on the fifth. The program "
      "does not use them.");
  item(
      "Extinction groups: Laue class and extinction symbol, whichever axis is which: the most that absences "
      "of lines can tell.");
  item(
      "The adapted network: AdamW on all weights, four rounds over the patterns of four fifths of the "
      "groups, rate 1e-4 "
      "falling to 0, batches of 32; what it is asked about shares no group with what it has seen.");
  item(result.references > 0 ? fmt::format("Nearest neighbour: the space group of the most similar (cosine) "
                                           "of {} realistic patterns of crystals "
                                           "that are not held out.",
                                           result.references)
                             : std::string("Nearest neighbour is not there."));
  if (!result.absent_references.empty())
    item(fmt::format("Of the nearest neighbour's crystals no folder has {}.",
                     fmt::join(result.absent_references, ", ")));
  return section("How to read this", "", body + "</ul>\n");
}

std::string absent_section(const SuiteResult& result) {
  Rows rows;
  for (const PartResult& part : result.parts) {
    if (!part.absent.empty())
      rows.push_back({escaped(part.part->title), escaped(fmt::format("{}", fmt::join(part.absent, ", ")))});
  }
  if (rows.empty()) return {};
  return section("Absent", "Parts that were not asked, and the files that none of the folders has.",
                 table("", {"", "looked for"}, rows));
}

std::string made_section(const SuiteResult& result) {
  std::string list = "<dl>\n";
  const auto item = [&](const char* name, const std::string& value) {
    list += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escaped(value));
  };
  item("Network", result.model.empty() ? "none" : result.model);
  item("Library", fmt::format("{} structures, content {}", result.library_size, result.library_content));
  item("Folders", fmt::format("{}", fmt::join(result.folders, ", ")));
  item("Time", fmt::format("{:.0f} s", result.seconds));
  item("Evaluated with", result.bragg);
  item("On", result.date + " UTC");
  return section("How it was made", "", list + "</dl>\n<pre>" + escaped(result.command) + "</pre>\n");
}

}  // namespace

std::string suite_page(const SuiteResult& result) {
  std::string body = fmt::format(
      "<header>\n<h1>Evaluation suite</h1>\n<p class=\"soft\">What {} gets right, part by part. {} UTC, "
      "{}.</p>\n</header>\n",
      result.model.empty() ? "a look-up among known structures"
                           : "a network, a look-up among known structures with refinement, and both together",
      escaped(result.date), escaped(result.bragg));
  body += overview(result) + reading_section(result) + absent_section(result);
  for (const PartResult& part : result.parts) {
    if (part.absent.empty()) body += part_section(part);
  }
  return page("bragg: evaluation suite", body + made_section(result), coverage_style());
}

}  // namespace bragg::apps::report
