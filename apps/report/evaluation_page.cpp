#include "apps/report/evaluation_page.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "apps/report/html.h"
#include "apps/report/plots.h"
#include "apps/report/svg.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps::report {
namespace {

constexpr std::size_t shown_of_a_kind = 3;
constexpr std::size_t confused_groups = 15;

std::string system_name(int index) {
  return std::string(xrd::name_of(static_cast<xrd::CrystalSystem>(index)));
}
std::string group_name(int space_group) {
  return fmt::format("{} {}", space_group, xrd::hm_short(space_group));
}
std::string class_name(int c, ClassKind kind) {
  return kind == ClassKind::space_group ? group_name(c + 1) : system_name(c);
}
std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}
std::string with_interval(const Rate& rate) {
  return fmt::format("{} <span class=\"soft\">({:.1f}..{:.1f})</span>", percent(rate.value), 100 * rate.low,
                     100 * rate.high);
}
std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

int answered_class(const Answer& answer) {
  return nn::arg_max(answer.probabilities);
}
bool is_right(const Answer& answer, ClassKind kind) {
  return answered_class(answer) == class_of(answer.space_group, kind);
}

// ---- the parts of the page, in their order ----

std::string tile(const std::string& label, const Rate& rate, const std::string& note) {
  return fmt::format(
      "<div class=\"tile\"><span>{}</span><b>{}</b><span>{}</span></div>\n", label, percent(rate.value),
      note.empty() ? fmt::format("95 % interval {:.1f}..{:.1f} %", 100 * rate.low, 100 * rate.high) : note);
}

std::string tiles(const Evaluation& e) {
  std::string text = "<div class=\"tiles\">\n" + tile("Crystal system right", e.crystal_system.accuracy, "");
  if (e.space_group) {
    text += tile("Space group right", e.space_group->accuracy, "");
    text += tile("Space group, mirror pairs as one", *e.space_group->accuracy_modulo_pairs, "");
    text += tile("Space group among the first five", e.space_group->top5, "");
  }
  const BaselineScores& best = e.nearest_neighbour ? *e.nearest_neighbour : e.majority;
  text += tile(e.nearest_neighbour ? "Nearest neighbour, crystal system" : "Always the most frequent system",
               best.crystal_system, "the baseline to beat");
  return text + "</div>\n";
}

std::string scores_section(const Evaluation& e) {
  std::vector<RateRow> rows;
  const auto add = [&](const char* kind, const Rate* model, const Rate* neighbour, const Rate& majority) {
    if (model) rows.push_back({fmt::format("{}: model", kind), *model, false});
    if (neighbour) rows.push_back({fmt::format("{}: nearest neighbour", kind), *neighbour, true});
    rows.push_back({fmt::format("{}: most frequent class", kind), majority, true});
  };
  const auto* nearest = e.nearest_neighbour ? &*e.nearest_neighbour : nullptr;
  add("crystal system", &e.crystal_system.accuracy, nearest ? &nearest->crystal_system : nullptr,
      e.majority.crystal_system);
  if (e.space_group) {
    add("space group", &e.space_group->accuracy, nearest ? &nearest->space_group : nullptr,
        e.majority.space_group);
    add("mirror pairs as one", &*e.space_group->accuracy_modulo_pairs,
        nearest ? &nearest->space_group_modulo_pairs : nullptr, e.majority.space_group_modulo_pairs);
  }
  std::string body =
      figure(rate_plot(rows, "Share of right answers of the model and of the baselines"),
             "The bar is the 95 % interval. Patterns of one group are near-identical, so that groups, not "
             "patterns, are what was drawn by chance.");

  std::vector<std::vector<std::string>> cells;
  const auto row = [&](const std::string& name, const std::string& system, const std::string& group,
                       const std::string& pairs) {
    cells.push_back({name, system, group, pairs});
  };
  const ClassScores& s = e.crystal_system;
  const auto& g = e.space_group;
  row("Model", with_interval(s.accuracy), g ? with_interval(g->accuracy) : "",
      g ? with_interval(*g->accuracy_modulo_pairs) : "");
  row("Model, every group counted once", percent(s.accuracy.group_mean),
      g ? percent(g->accuracy.group_mean) : "", g ? percent(g->accuracy_modulo_pairs->group_mean) : "");
  if (g) row("Model, among its first five answers", "", with_interval(g->top5), "");
  row("Model, macro F1", fmt::format("{:.3f}", s.metrics.macro_f1),
      g ? fmt::format("{:.3f}", g->metrics.macro_f1) : "", "");
  if (nearest) {
    row("Nearest neighbour", with_interval(nearest->crystal_system), with_interval(nearest->space_group),
        with_interval(nearest->space_group_modulo_pairs));
  }
  row(fmt::format("Always {} / {}", system_name(e.majority_crystal_system),
                  escaped(group_name(e.majority_space_group))),
      with_interval(e.majority.crystal_system), with_interval(e.majority.space_group),
      with_interval(e.majority.space_group_modulo_pairs));
  body += table("", {"", "crystal system", "space group", "mirror pairs as one"}, cells);
  return section(
      "Scores",
      "The 11 enantiomorphic pairs of space groups are mirror images of each other (P3<sub>1</sub>21 and "
      "P3<sub>2</sub>21, ...) and give the same powder pattern: every space-group score stands here plain "
      "and "
      "with each pair counted as one.",
      body);
}

std::string guesses(const Answer& answer, ClassKind kind) {
  const int truth = class_of(answer.space_group, kind);
  std::string text = "<ol class=\"guess\">\n";
  auto best = ranked(answer.probabilities, 3);
  if (std::find(best.begin(), best.end(), truth) == best.end()) best.push_back(truth);
  for (const int c : best) {
    const double p = answer.probabilities[static_cast<std::size_t>(c)];
    text += fmt::format("<li{}><span>{}</span><i style=\"width:{:.1f}%\"></i><em>{:.1f} %</em></li>\n",
                        c == truth ? " class=\"true\"" : "", escaped(class_name(c, kind)),
                        std::max(100 * p, 0.5), 100 * p);
  }
  return text + "</ol>\n";
}

std::string card(const Evaluation& e, const ShownPattern& shown, const TwoThetaGrid& grid) {
  const Answer& answer = e.answers[shown.answer];
  const bool right = is_right(answer, e.classes);
  std::string note = fmt::format("<span class=\"{}\">{}</span>: it is {}, {}", right ? "right" : "wrong",
                                 right ? "right" : "wrong", escaped(group_name(answer.space_group)),
                                 xrd::name_of(xrd::crystal_system(answer.space_group)));
  if (!shown.neighbour.empty()) {
    note += fmt::format("<br/>most alike: {} ({}), cosine {:.2f}", escaped(shown.neighbour_name),
                        escaped(group_name(shown.neighbour_space_group)), answer.similarity);
  }
  const std::string label =
      fmt::format("Diffraction pattern of {}, answered as {}, truly {}", shown.name,
                  class_name(answered_class(answer), e.classes), group_name(answer.space_group));
  return fmt::format("<article class=\"card\">\n<h3>{}</h3>\n<p>{}</p>\n{}{}</article>\n",
                     escaped(shown.name), note, pattern_plot(shown.values, shown.neighbour, grid, label),
                     guesses(answer, e.classes));
}

std::string patterns_section(const Evaluation& e, const std::vector<ShownPattern>& shown,
                             const TwoThetaGrid& grid) {
  if (shown.empty()) return {};
  std::string cards = "<div class=\"cards\">\n";
  for (const ShownPattern& pattern : shown)
    cards += card(e, pattern, grid);
  const char* below =
      e.nearest_neighbour ? " Below the axis hangs the pattern that was found most alike." : "";
  return section(
      "Patterns and their answers",
      fmt::format(
          "The surest of the right answers, the surest of the wrong ones, and the least sure, each as "
          "the model read it. The true class is green.{}",
          below),
      cards + "</div>\n");
}

std::string confusion_section(const Evaluation& e) {
  std::vector<std::string> names;
  for (int c = 0; c < xrd::crystal_system_count; ++c)
    names.push_back(system_name(c));
  std::string body = figure(confusion_plot(names, names, e.crystal_system.metrics.confusion,
                                           "Confusion matrix of the crystal systems"),
                            "A row holds the patterns of one crystal system, a column what they were "
                            "answered as; the shade is the share of the "
                            "row, the diagonal is right.");
  if (e.space_group) {
    const nn::Metrics& m = e.space_group->metrics;
    std::vector<int> order;
    for (int c = 0; c < xrd::space_group_count; ++c) {
      if (m.per_class[static_cast<std::size_t>(c)].count > 0) order.push_back(c);
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return m.per_class[static_cast<std::size_t>(a)].count > m.per_class[static_cast<std::size_t>(b)].count;
    });
    const std::size_t all = order.size();
    order.resize(std::min(all, confused_groups));
    std::sort(order.begin(), order.end());
    std::vector<std::string> rows, columns;
    std::vector<std::int64_t> counts;
    for (const int t : order) {
      rows.push_back(group_name(t + 1));
      const auto* from = &m.confusion[static_cast<std::size_t>(t * xrd::space_group_count)];
      std::int64_t rest = m.per_class[static_cast<std::size_t>(t)].count;
      for (const int p : order) {
        counts.push_back(from[p]);
        rest -= from[p];
      }
      counts.push_back(rest);
    }
    columns = rows;
    columns.push_back("any other");
    body +=
        figure(confusion_plot(rows, columns, counts, "Confusion matrix of the most frequent space groups"),
               fmt::format("The {} most frequent of the {} space groups that occur.", order.size(), all));
  }
  return section("What is taken for what", "", body);
}

std::vector<std::vector<std::string>> class_rows(const ClassScores& scores, ClassKind kind) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t c = 0; c < scores.metrics.per_class.size(); ++c) {
    const nn::ClassMetrics& m = scores.metrics.per_class[c];
    if (m.count == 0 && m.predicted == 0) continue;
    const auto figure_or_dash = [](double value, std::int64_t of) {
      return of > 0 ? fmt::format("{:.3f}", value) : "-";
    };
    rows.push_back({escaped(class_name(static_cast<int>(c), kind)), fmt::format("{}", m.count),
                    fmt::format("{}", m.predicted), fmt::format("{}", m.correct),
                    figure_or_dash(m.recall, m.count), figure_or_dash(m.precision, m.predicted),
                    figure_or_dash(m.f1, m.count + m.predicted)});
  }
  return rows;
}

std::string classes_section(const Evaluation& e) {
  const ClassKind kind = e.classes;
  const ClassScores& scores = e.space_group ? *e.space_group : e.crystal_system;
  std::vector<ClassPoint> points;
  for (std::size_t c = 0; c < scores.metrics.per_class.size(); ++c) {
    const nn::ClassMetrics& m = scores.metrics.per_class[c];
    if (m.count > 0) points.push_back({class_name(static_cast<int>(c), kind), m.count, m.correct});
  }
  const std::vector<std::string> heads = {"", "patterns", "answered", "right", "recall", "precision", "F1"};
  std::string body = figure(
      class_plot(points, "Share of right answers of each class against its number of patterns"),
      "Rest the pointer on a dot for its classes; a number in it counts classes that share the place.");
  body += table("Crystal systems", heads, class_rows(e.crystal_system, ClassKind::crystal_system));
  if (e.space_group) {
    const auto rows = class_rows(*e.space_group, ClassKind::space_group);
    body += details(fmt::format("All {} space groups that occur or were answered", rows.size()),
                    table("", heads, rows));
  }
  return section("Class by class", "", body);
}

std::string made_section(const Evaluation& e, const EvaluationContext& context, const ModelFacts& facts,
                         const nn::Metadata& metadata) {
  std::string list = "<dl>\n";
  const auto item = [&](const char* name, const std::string& value) {
    if (!value.empty()) list += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escaped(value));
  };
  const auto stated = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  item("Patterns", fmt::format("{}: {} answered, in {} groups", context.patterns, e.patterns, e.groups));
  if (!e.refused.empty()) {
    item("Refused", fmt::format("{} patterns, not in any score; the first ({}): {}", e.refused.size(),
                                e.refused.front().index, e.refused.front().reason));
  }
  item("Neighbours", context.neighbours);
  item("Model", context.model);
  item("Network", stated("model"));
  item("Step", stated("step"));
  item("Trained with",
       fmt::format("bragg {} ({}), seed {}", stated("version"), stated("commit"), facts.seed));
  for (const TrainingSet& set : facts.training_sets) {
    item("Training set", fmt::format("{}: {} entries, content {}", set.path, set.size, set.content_hash));
  }
  item("Reads",
       fmt::format("{:.6g} to {:.6g} degrees of 2\xCE\xB8 by {:.6g} ({} points), {:.6g} \xC3\x85",
                   facts.instrument.grid.start, facts.instrument.grid.end(), facts.instrument.grid.step,
                   facts.instrument.grid.points, facts.instrument.wavelength));
  item("Evaluated with", context.bragg);
  item("On", context.date + " UTC");
  list += "</dl>\n<pre>" + escaped(context.command) + "</pre>\n";
  if (!facts.recipe.empty())
    list += details("The recipe of the training patterns", "<pre>" + escaped(facts.recipe) + "</pre>\n");
  if (!facts.config.empty())
    list += details("The configuration of the training", "<pre>" + escaped(facts.config) + "</pre>\n");
  return section("How this was made", "", list);
}

}  // namespace

std::vector<std::size_t> answers_to_show(const Evaluation& e) {
  std::vector<std::size_t> order(e.answers.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  const auto sureness = [&](std::size_t i) {
    const Answer& a = e.answers[i];
    return a.probabilities[static_cast<std::size_t>(answered_class(a))];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sureness(a) > sureness(b); });
  std::vector<std::size_t> shown;
  std::set<std::int32_t> groups;
  const auto take = [&](std::size_t i, auto wanted, std::size_t& left) {
    const Answer& a = e.answers[i];
    if (left == 0 || !wanted(a) || !groups.insert(a.group).second) return;
    shown.push_back(i);
    --left;
  };
  // The surest are mostly of one class: of the right ones, each of another.
  std::set<int> classes;
  std::size_t right = shown_of_a_kind, wrong = shown_of_a_kind, unsure = shown_of_a_kind;
  for (const std::size_t i : order) {
    if (classes.count(answered_class(e.answers[i])) > 0) continue;
    const std::size_t before = right;
    take(
        i, [&](const Answer& a) { return is_right(a, e.classes); }, right);
    if (right != before) classes.insert(answered_class(e.answers[i]));
  }
  for (const std::size_t i : order)
    take(
        i, [&](const Answer& a) { return !is_right(a, e.classes); }, wrong);
  for (auto i = order.rbegin(); i != order.rend(); ++i)
    take(
        *i, [](const Answer&) { return true; }, unsure);
  return shown;
}

std::string evaluation_page(const Evaluation& e, const EvaluationContext& context, const ModelFacts& facts,
                            const nn::Metadata& metadata, const std::vector<ShownPattern>& shown) {
  const std::string title = fmt::format("{} on {}", file_name(context.model), file_name(context.patterns));
  std::string body = fmt::format(
      "<header>\n<h1>{}</h1>\n<p class=\"soft\">What a network says about {} powder X-ray diffraction "
      "patterns ({} groups) "
      "whose {} is known. {} UTC, {}.</p>\n</header>\n",
      escaped(title), e.patterns, e.groups, e.space_group ? "space group" : "crystal system",
      escaped(context.date), escaped(context.bragg));
  body += tiles(e) + scores_section(e) + patterns_section(e, shown, facts.instrument.grid) +
          confusion_section(e) + classes_section(e) + made_section(e, context, facts, metadata);
  return page("bragg: " + title, body);
}

}  // namespace bragg::apps::report
