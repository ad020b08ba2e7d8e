// bragg predict: crystal system and space group of measured patterns.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/evaluation/classifier.h"
#include "apps/evaluation/item_remarks.h"
#include "apps/evaluation/measured_item.h"
#include "apps/evaluation/measured_paths.h"
#include "apps/evaluation/nearest_structures.h"
#include "apps/identify/group_probabilities.h"
#include "apps/open_model.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"
#include "xrd/scattering/wavelength.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> files;
  std::string model, wavelength, neighbours, precision = "fp32";
  std::optional<int> scan;
  int top = 5;
  bool json = false;
};

/// Prints each pattern's answer, in the order in which they came, a batch at a time.
class Answers {
 public:
  /// `neighbours` may be null.
  Answers(Backend& backend, Classifier& classifier, const data::PatternSet* neighbours,
          const Options& options)
      : backend_(backend), classifier_(classifier), neighbours_(neighbours), options_(options) {}

  void add(MeasuredItem item) {
    if (!item.refused) ++waiting_;
    items_.push_back(std::move(item));
    // A look among neighbours reads all of them: for many patterns at once.
    constexpr std::int64_t looked_up_together = 1024;
    if (waiting_ == (neighbours_ != nullptr ? looked_up_together : classifier_.batch())) flush();
  }
  void flush() {
    std::vector<std::vector<float>> patterns;
    for (MeasuredItem& item : items_) {
      if (!item.refused) patterns.push_back(std::move(item.values));
    }
    const std::vector<Probabilities> probabilities = classifier_.probabilities(patterns);
    std::vector<Neighbours> neighbours(patterns.size());
    if (neighbours_ != nullptr && !patterns.empty())
      neighbours = nearest_structures(backend_, patterns, *neighbours_, classifier_.facts(), nearest_count);
    std::size_t next = 0;
    for (const MeasuredItem& item : items_) {
      const bool refused = item.refused.has_value();
      const Probabilities answer = refused ? Probabilities() : probabilities[next];
      const Neighbours nearest = refused ? Neighbours() : neighbours[next];
      next += !refused;
      options_.json ? print_json(item, answer, nearest) : print_text(item, answer, nearest);
    }
    asked_ += static_cast<std::int64_t>(items_.size());
    answered_ += static_cast<std::int64_t>(patterns.size());
    items_.clear();
    waiting_ = 0;
  }
  std::int64_t asked() const { return asked_; }
  std::int64_t refused() const { return asked_ - answered_; }

 private:
  using Neighbours = std::vector<data::Neighbour>;
  static constexpr int nearest_count = 3;

  static std::vector<double> systems_of(const Probabilities& answer) {
    return {answer.crystal_system.begin(), answer.crystal_system.end()};
  }

  Json neighbours_json(const Neighbours& nearest) const {
    Json all = Json::array();
    for (const data::Neighbour& one : nearest) {
      all.push_back(
          {{"name", pattern_name(*neighbours_, one.row)},
           {"space_group", neighbours_->has_labels() ? Json(neighbours_->space_group(one.row)) : Json()},
           {"index", one.row},
           {"similarity", one.similarity}});
    }
    return all;
  }

  void print_neighbours(const Neighbours& nearest) const {
    const char* heading = "nearest";
    for (const data::Neighbour& one : nearest) {
      std::string group;
      if (neighbours_->has_labels()) {
        const int number = neighbours_->space_group(one.row);
        group = fmt::format(", space group {} {}, {}", number, xrd::hm_short(number),
                            xrd::name_of(xrd::crystal_system(number)));
      }
      fmt::print("  {:<14} {}{}: similarity {:.3f}\n", heading,
                 printable(pattern_name(*neighbours_, one.row)), group, one.similarity);
      heading = "";
    }
    if (nearest.empty())
      fmt::print("  {:<14} nothing alike in {}\n", heading, printable(options_.neighbours));
  }

  void print_json(const MeasuredItem& item, const Probabilities& answer, const Neighbours& nearest) const {
    Json line = {{"file", item.file},         {"index", item.index}, {"assumed", to_json(item.assumed)},
                 {"warnings", item.warnings}, {"refused", nullptr},  {"crystal_system", Json::array()},
                 {"space_group", nullptr}};
    if (item.refused) {
      line["refused"] = *item.refused;
    } else {
      line["crystal_system"] = crystal_systems_json(systems_of(answer));
      if (classifier_.facts().classes == ClassKind::space_group)
        line["space_group"] = space_groups_json(merged_enantiomorphs(answer.classes), options_.top);
    }
    if (neighbours_ != nullptr) line["neighbours"] = item.refused ? Json() : neighbours_json(nearest);
    // File names need not be UTF-8; JSON must be.
    fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void print_text(const MeasuredItem& item, const Probabilities& answer, const Neighbours& nearest) const {
    fmt::print("{}\n", printable(item.file + part_of_file(item)));
    const char* assumed = "assumed";
    for (const std::string& part : describe(item.assumed)) {
      fmt::print("  {:<14} {}\n", assumed, printable(part));
      assumed = "";
    }
    for (const std::string& warning : item.warnings)
      fmt::print("  warning        {}\n", printable(warning));
    if (item.refused) {
      fmt::print("  refused        {}\n\n", printable(*item.refused));
      return;
    }
    fmt::print("  crystal system {}\n", crystal_systems_text(systems_of(answer)));
    if (classifier_.facts().classes == ClassKind::space_group) {
      const char* heading = "space group";
      for (const std::string& group : space_groups_text(merged_enantiomorphs(answer.classes), options_.top)) {
        fmt::print("  {:<14} {}\n", heading, group);
        heading = "";
      }
    }
    if (neighbours_ != nullptr) print_neighbours(nearest);
    fmt::print("\n");
  }

  Backend& backend_;
  Classifier& classifier_;
  const data::PatternSet* neighbours_;
  const Options& options_;
  std::vector<MeasuredItem> items_;
  std::int64_t waiting_ = 0, asked_ = 0, answered_ = 0;
};

int predict(const Options& options, const CommonOptions& common) {
  std::optional<double> flag;
  if (!options.wavelength.empty()) flag = xrd::parse_wavelength(options.wavelength);
  const auto backend = make_backend(common, options.precision);
  // Similarities are computed in the device's own.
  const auto exact = options.precision == "fp32" ? nullptr : make_backend(common);
  constexpr std::int64_t batch = 32;
  Classifier classifier(*backend, open_model(options.model), batch);
  std::optional<data::PatternSet> neighbours;
  if (!options.neighbours.empty()) neighbours.emplace(options.neighbours);
  Answers answers(exact ? *exact : *backend, classifier, neighbours ? &*neighbours : nullptr, options);
  read_measured(options.files, {.wavelength = flag, .scan = options.scan, .threads = common.threads},
                classifier.facts(), [&](MeasuredItem item) { answers.add(std::move(item)); });
  answers.flush();
  return told_refusals(answers.refused(), answers.asked());
}

}  // namespace

void add_predict(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("predict", "Name the crystal system and the space group of measured patterns",
                           [options](const CommonOptions& common) { return predict(*options, common); });
  app->add_option("FILE", options->files,
                  "patterns: files of diffractometers, text in columns, all also .gz (" + pattern_endings() +
                      "), pipes, - (standard input), pattern sets (.safetensors) or folders of these")
      ->required();
  app->add_option("--model", options->model, "a trained model (.safetensors) in place of the built-in one");
  app->add_option("--top", options->top, "space groups to name")
      ->check(CLI::Range(1, xrd::space_group_count));
  app->add_option("--wavelength", options->wavelength,
                  "of the measurement, before the file's and the model's: " + xrd::wavelength_names());
  add_scan(app, options->scan);
  app->add_option(
      "--neighbours", options->neighbours,
      "a pattern set (.safetensors), as simulate makes them: names the three of its structures whose "
      "patterns are most alike (cosine of the square roots, 1: the same)");
  add_precision(app, options->precision);
  app->add_flag("--json", options->json, "a JSON object per line and pattern");
}

}  // namespace bragg::apps
