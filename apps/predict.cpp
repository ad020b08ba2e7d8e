// bragg predict: crystal system and space group of measured patterns.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/classifier.h"
#include "apps/command.h"
#include "data/bragg_lines.h"
#include "data/pattern_set.h"
#include "data/pattern_text.h"
#include "data/resample.h"
#include "kernels/error.h"
#include "xrd/space_groups.h"
#include "xrd/wavelength.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> files;
  std::string model, wavelength;
  int top = 5;
  bool json = false;
};

/// A pattern on its way: what was assumed about it, then either why it was refused or its values.
struct Item {
  std::string file;
  std::int64_t index = 0;
  Json assumed = Json::object();
  std::optional<std::string> refused{};
  std::vector<float> values{};  ///< on the model's grid
};

/// What was assumed, for people.
std::string describe(const Json& assumed) {
  std::vector<std::string> parts;
  if (assumed.contains("axis"))
    parts.push_back(fmt::format("axis {} (by {})", assumed["axis"].get<std::string>(),
                                assumed["axis_from"].get<std::string>()));
  if (assumed.contains("wavelength")) {
    parts.push_back(fmt::format("wavelength {} A (by {})", assumed["wavelength"].get<double>(),
                                assumed["wavelength_from"].get<std::string>()));
  }
  if (assumed.contains("range")) {
    parts.push_back(fmt::format("{}..{} degrees by {}, {:.1f} % of the model's range",
                                assumed["range"][0].get<double>(), assumed["range"][1].get<double>(),
                                assumed["step"].get<double>(), 100 * assumed["covered_share"].get<double>()));
  }
  if (assumed.contains("separator")) {
    parts.push_back(fmt::format("{} columns, separated by {}, decimal sign '{}', {}, {} header lines",
                                assumed["columns"].get<int>(), assumed["separator"].get<std::string>(),
                                assumed["decimal_sign"].get<std::string>(),
                                assumed["order"].get<std::string>(), assumed["header_lines"].get<int>()));
    if (const int merged = assumed["merged_rows"].get<int>(); merged > 0) {
      parts.push_back(fmt::format("{} repeated positions averaged", merged));
    }
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

/// Prints each pattern's answer, in the order in which they came, a batch at a time.
class Answers {
 public:
  Answers(Classifier& classifier, const Options& options) : classifier_(classifier), options_(options) {}

  void add(Item item) {
    if (!item.refused) ++waiting_;
    items_.push_back(std::move(item));
    if (waiting_ == classifier_.batch()) flush();
  }
  void flush() {
    std::vector<std::vector<float>> patterns;
    for (Item& item : items_) {
      if (!item.refused) patterns.push_back(std::move(item.values));
    }
    std::vector<std::vector<float>> probabilities;
    if (!patterns.empty()) probabilities = classifier_.probabilities(patterns);
    std::size_t next = 0;
    for (const Item& item : items_) {
      const std::span<const float> answer = item.refused ? std::span<const float>() : probabilities[next++];
      options_.json ? print_json(item, answer) : print_text(item, answer);
    }
    answered_ += static_cast<std::int64_t>(patterns.size());
    items_.clear();
    waiting_ = 0;
  }
  std::int64_t answered() const { return answered_; }

 private:
  void print_json(const Item& item, std::span<const float> answer) const {
    Json line = {{"file", item.file},
                 {"index", item.index},
                 {"assumed", item.assumed},
                 {"refused", nullptr},
                 {"crystal_system", Json::array()},
                 {"space_group", nullptr}};
    if (item.refused) {
      line["refused"] = *item.refused;
    } else {
      const auto systems = crystal_system_probabilities(answer, classifier_.facts().classes);
      for (const int s : ranked(systems, systems.size())) {
        line["crystal_system"].push_back({{"name", xrd::name_of(static_cast<xrd::CrystalSystem>(s))},
                                          {"probability", systems[static_cast<std::size_t>(s)]}});
      }
      if (classifier_.facts().classes == ClassKind::space_group) {
        line["space_group"] = Json::array();
        for (const int c : ranked(answer, static_cast<std::size_t>(options_.top))) {
          const auto pair = xrd::enantiomorph(c + 1);
          line["space_group"].push_back({{"number", c + 1},
                                         {"hm", xrd::hm_short(c + 1)},
                                         {"probability", answer[static_cast<std::size_t>(c)]},
                                         {"indistinguishable_from", pair ? Json(*pair) : Json(nullptr)}});
        }
      }
    }
    // File names need not be UTF-8; JSON must be.
    fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void print_text(const Item& item, std::span<const float> answer) const {
    fmt::print("{}{}\n", item.file, item.index > 0 ? fmt::format(" [{}]", item.index) : "");
    if (!item.assumed.empty()) fmt::print("  assumed        {}\n", describe(item.assumed));
    if (item.refused) {
      fmt::print("  refused        {}\n\n", *item.refused);
      return;
    }
    const auto systems = crystal_system_probabilities(answer, classifier_.facts().classes);
    std::string text;
    for (const int s : ranked(systems, systems.size())) {
      const float p = systems[static_cast<std::size_t>(s)];
      if (p < 0.0005f && !text.empty()) break;
      text += fmt::format("{}{} {:.1f} %", text.empty() ? "" : ", ",
                          xrd::name_of(static_cast<xrd::CrystalSystem>(s)), 100 * p);
    }
    fmt::print("  crystal system {}\n", text);
    if (classifier_.facts().classes == ClassKind::space_group) {
      const char* heading = "space group";
      for (const int c : ranked(answer, static_cast<std::size_t>(options_.top))) {
        const auto pair = xrd::enantiomorph(c + 1);
        fmt::print("  {:<14} {:>3}  {:<9} {:>5.1f} %  {}\n", heading, c + 1, xrd::hm_short(c + 1),
                   100 * answer[static_cast<std::size_t>(c)],
                   pair ? fmt::format("or its mirror image {} ({}): powder patterns can't tell", *pair,
                                      xrd::hm_short(*pair))
                        : std::string(xrd::name_of(xrd::crystal_system(c + 1))));
        heading = "";
      }
    }
    fmt::print("\n");
  }

  Classifier& classifier_;
  const Options& options_;
  std::vector<Item> items_;
  std::int64_t waiting_ = 0, answered_ = 0;
};

/// Four significant digits are what a reader of a report wants; 0.020000000000000018 is not.
double rounded(double value) {
  return std::stod(fmt::format("{:.6g}", value));
}

/// Resamples onto the model's grid and notes what was assumed; the reason where the pattern can't be used.
void prepare(Item& item, const data::MeasuredPattern& measured, double wavelength, const ModelFacts& facts) {
  try {
    data::PreparedPattern prepared =
        data::prepare_pattern(measured, wavelength, facts.grid, facts.wavelength);
    item.assumed["range"] = {rounded(prepared.first), rounded(prepared.last)};
    item.assumed["step"] = rounded(prepared.step);
    item.assumed["covered_share"] = rounded(prepared.covered_share);
    data::require_bragg_lines(measured, wavelength, facts.grid, facts.wavelength);
    item.values = std::move(prepared.values);
  } catch (const data::PatternRefused& refused) {
    item.refused = refused.what();
  }
}

void assume_wavelength(Item& item, double wavelength, const char* from) {
  item.assumed["wavelength"] = wavelength;
  item.assumed["wavelength_from"] = from;
}

Item read_text(const std::string& file, std::optional<double> flag, const ModelFacts& facts) {
  Item item{.file = file};
  data::TextPattern text;
  try {
    text = data::read_pattern_text(file);
  } catch (const Error& error) {
    item.refused = error.what();
    return item;
  }
  const data::TextReading& reading = text.reading;
  item.assumed["axis"] = data::name_of(text.pattern.abscissa);
  item.assumed["axis_from"] = reading.axis_label.empty() ? "default" : "header";
  double wavelength = facts.wavelength;
  if (text.pattern.abscissa == data::Abscissa::two_theta) {
    wavelength = flag.value_or(reading.wavelength.value_or(facts.wavelength));
    assume_wavelength(item, wavelength, flag ? "flag" : reading.wavelength ? "file" : "model");
  }
  prepare(item, text.pattern, wavelength, facts);
  item.assumed["separator"] = reading.separator;
  item.assumed["decimal_sign"] = std::string(1, reading.decimal_sign);
  item.assumed["columns"] = reading.columns;
  item.assumed["order"] = reading.descending ? "descending" : "ascending";
  item.assumed["header_lines"] = reading.header_lines;
  item.assumed["merged_rows"] = reading.merged_rows;
  return item;
}

void add_set(Answers& answers, const std::string& file, std::optional<double> flag, const ModelFacts& facts) {
  std::optional<data::PatternSet> set;
  try {
    set.emplace(file);
  } catch (const Error& error) {
    Item item{.file = file};
    item.refused = error.what();
    answers.add(std::move(item));
    return;
  }
  const double wavelength = flag.value_or(set->wavelength());
  data::MeasuredPattern measured;
  for (std::int64_t i = 0; i < set->grid().points; ++i)
    measured.x.push_back(set->grid().at(i));
  for (std::int64_t i = 0; i < set->size(); ++i) {
    Item item{.file = file, .index = i};
    assume_wavelength(item, wavelength, flag ? "flag" : set->has_wavelength() ? "file" : "default");
    try {
      const auto values = set->pattern(i);
      measured.intensity.assign(values.begin(), values.end());
      prepare(item, measured, wavelength, facts);
    } catch (const Error& error) {
      item.refused = error.what();
    }
    answers.add(std::move(item));
  }
}

int predict(const Options& options, const CommonOptions& common) {
  std::optional<double> flag;
  if (!options.wavelength.empty()) flag = xrd::parse_wavelength(options.wavelength);
  const auto backend = make_backend(common);
  constexpr std::int64_t batch = 32;
  Classifier classifier(*backend, options.model, batch);
  Answers answers(classifier, options);
  for (const std::string& file : options.files) {
    if (file.ends_with(".safetensors")) {
      add_set(answers, file, flag, classifier.facts());
    } else {
      answers.add(read_text(file, flag, classifier.facts()));
    }
  }
  answers.flush();
  return answers.answered() > 0 ? exit_success : exit_failure;
}

}  // namespace

void add_predict(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("predict", "Name the crystal system and the space group of measured patterns",
                           [options](const CommonOptions& common) { return predict(*options, common); });
  app->add_option(
         "FILE", options->files,
         "patterns: text of two or three columns (.xy .xye .csv .txt .dat .asc .prn) or .safetensors")
      ->required();
  app->add_option("--model", options->model, "a trained model (.safetensors)")->required();
  app->add_option("--top", options->top, "space groups to name")
      ->check(CLI::Range(1, xrd::space_group_count));
  app->add_option("--wavelength", options->wavelength,
                  "of the measurement: CuKa1, MoKa, ... or A; otherwise the file's, else the model's");
  app->add_flag("--json", options->json, "a JSON object per line and pattern");
}

}  // namespace bragg::apps
