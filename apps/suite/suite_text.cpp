#include "apps/suite/suite_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

std::string ordinal(std::int64_t n) {
  const bool is_teen = n % 100 / 10 == 1;
  const char* ending = is_teen ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
  return fmt::format("{}{}", n, ending);
}

std::string percent(const Rate& rate) {
  return fmt::format("{:.1f} ({:.0f}..{:.0f})", 100 * rate.value, 100 * rate.low, 100 * rate.high);
}

void add_row(std::string& text, const std::string& name, const ByLevel& levels) {
  text += fmt::format("  {:<52}", name);
  for (const LevelFigures& level : levels)
    text += fmt::format("{:>17}", percent(level.accuracy));
  const LevelFigures& pairs = levels[static_cast<std::size_t>(AnswerLevel::modulo_pairs)];
  text +=
      fmt::format("{:>7}{:>7.3f}{:>7.3f}", pairs.top5 ? fmt::format("{:.1f}", 100 * pairs.top5->value) : "-",
                  pairs.macro_f1, pairs.balanced_accuracy);
}

void add_calibration(std::string& text, const AnswerFigures& figures) {
  const auto add = [&](const Calibration& one) {
    text += fmt::format("{:>7.3f}{:>7.3f} {:>13}", one.nll, one.ece,
                        fmt::format("({:.3f}..{:.3f})", one.low, one.high));
  };
  add(figures.calibration);
  if (figures.after_temperature) add(*figures.after_temperature);
}

void add_answers(std::string& text, const PartResult& result) {
  text += fmt::format("  {:<52}", "right, % (95 % interval over groups)");
  for (const AnswerLevel level : answer_levels)
    text += fmt::format("{:>17}", level == AnswerLevel::modulo_pairs ? "pairs as one" : title_of(level));
  text += fmt::format("{:>7}{:>7}{:>7}{:>7}{:>7} {:>13}{:>7}{:>7}\n", "top 5", "F1", "bal.", "NLL", "ECE",
                      "(calibrated)", "NLL, T", "ECE, T");
  for (const AnswererFigures& answerer : result.answerers) {
    add_row(text, answerer_text(answerer), answerer.figures.levels);
    add_calibration(text, answerer.figures);
    text += "\n";
  }
  for (const BaselineFigures& baseline : result.baselines) {
    add_row(text, baseline.name, baseline.levels);
    text += "\n";
  }
}

}  // namespace

std::string sample_text(const PartResult& result) {
  const char* of = result.part->question == SuiteQuestion::mixtures ? "scans" : "patterns";
  std::string text = result.part->source == SuiteSource::in_glass
                         ? fmt::format("{} {} of every {} of {} crystals", result.asked, of,
                                       result.step > 1 ? ordinal(result.step) : "one", result.size)
                     : result.step > 1 ? fmt::format("{} {}: every {} of {}", result.asked, of,
                                                     ordinal(result.step), result.size)
                                       : fmt::format("{} {}", result.asked, of);
  if (result.part->question == SuiteQuestion::answers && result.looked_up > 0)
    text += result.lookup_step > 1
                ? fmt::format(", {} looked up: every {}", result.looked_up, ordinal(result.lookup_step))
                : fmt::format(", {} looked up", result.looked_up);
  if (!result.refused.empty()) text += fmt::format(", {} refused", result.refused.size());
  return text;
}

std::string answerer_text(const AnswererFigures& answerer) {
  std::string text(name_of(answerer.who));
  if (answerer.without_resembling) text += ", without what resembles it";
  if (answerer.where_looked_up) text += fmt::format(", {} patterns", answerer.figures.patterns);
  return text;
}

std::string to_text(const PartResult& result) {
  std::string text = fmt::format("{}\n", result.part->title);
  if (!result.absent.empty())
    return text + fmt::format("  absent: no folder has {}\n", fmt::join(result.absent, ", "));
  text += fmt::format("  {}; {:.0f} s\n", sample_text(result), result.seconds);
  if (!result.failed.empty()) text += "  failed: " + printable(result.failed) + "\n";
  for (const std::string& note : result.notes)
    text += "  " + note + "\n";
  if (!result.refused.empty())
    text += fmt::format("  the first refused: {}\n", printable(result.refused.front().reason));
  if (!result.answerers.empty() || !result.baselines.empty()) add_answers(text, result);
  for (const RefusalFigures& one : result.refusals)
    text += fmt::format("  {:<16}{:>5} of {:>4} refused, {} %\n", one.kind, one.refused, one.patterns,
                        percent(one.rate));
  for (const MixtureFigures& one : result.mixtures)
    text += fmt::format("  {}\n{}", one.elements_given ? "elements given" : "without chemistry",
                        to_text(one.evaluation));
  return text;
}

std::string to_text(const SuiteResult& result) {
  std::int64_t absent = 0;
  for (const PartResult& part : result.parts)
    absent += part.absent.empty() ? 0 : 1;
  return fmt::format("{} of {} parts in {:.0f} s, {} absent; {} structures in the library{}\n",
                     std::ssize(result.parts) - absent, result.parts.size(), result.seconds, absent,
                     result.library_size,
                     result.model.empty() ? ", no network" : ", network " + printable(result.model));
}

}  // namespace bragg::apps
