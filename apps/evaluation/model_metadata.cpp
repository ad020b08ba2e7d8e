#include "apps/evaluation/model_metadata.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/version.h"
#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"
#include "kernels/base/utf8.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

class Reader {
 public:
  Reader(const nn::Metadata& metadata, const std::string& file) : metadata_(metadata), file_(file) {}

  const std::string& text(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end())
      throw Error(fmt::format("{}: not a model of bragg: no metadata '{}'", file_, key));
    return found->second;
  }
  template <typename T>
  T number(const std::string& key) const {
    const std::string& value = text(key);
    const auto number = parse_whole<T>(value);
    if (!number) fail(key, value, "not a number");
    return *number;
  }
  [[noreturn]] void fail(const std::string& key, const std::string& value, const std::string& why) const {
    throw Error(fmt::format("{}: metadata '{}' is '{}': {}", file_, key, value, why));
  }

 private:
  const nn::Metadata& metadata_;
  const std::string& file_;
};

constexpr const char *mean = "mean over ", *of_mean = " deg, ", *background = "background ",
                     *subtracted = " deg subtracted, ", *scaled = "scale to maximum 1",
                     *square_root = ", square root";

std::optional<Processing> parse_input_transform(const std::string& text) {
  Processing processing;
  processing.square_root = text.ends_with(square_root);
  std::string_view rest = text;
  if (rest.starts_with(mean)) {
    rest.remove_prefix(std::string_view(mean).size());
    std::from_chars(rest.data(), rest.data() + rest.size(), processing.step);
    rest.remove_prefix(std::min(rest.size(), rest.find(of_mean) + std::string_view(of_mean).size()));
  }
  if (rest.starts_with(background)) {
    const char* first = rest.data() + std::string_view(background).size();
    std::from_chars(first, rest.data() + rest.size(), processing.background_window);
  }
  if (input_transform(processing) != text) return std::nullopt;
  return processing;
}

}  // namespace

ClassKind class_kind(int classes) {
  if (classes == xrd::crystal_system_count) return ClassKind::crystal_system;
  if (classes == xrd::space_group_count) return ClassKind::space_group;
  throw UsageError(fmt::format("classes = {}: 7 (crystal systems) or 230 (space groups)", classes));
}

int class_of(int space_group, ClassKind kind) {
  return kind == ClassKind::space_group ? space_group - 1
                                        : static_cast<int>(xrd::crystal_system(space_group));
}

nn::Head crystal_system_head(double weight) {
  nn::Head head{"crystal_system", xrd::crystal_system_count, weight, {}};
  for (int group = 1; group <= xrd::space_group_count; ++group)
    head.class_of.push_back(class_of(group, ClassKind::crystal_system));
  return head;
}

std::string input_transform(const Processing& processing) {
  std::string text = scaled;
  if (processing.background_window > 0)
    text = fmt::format("{}{}{}{}", background, processing.background_window, subtracted, text);
  if (processing.square_root) text += square_root;
  if (processing.step > 0) text = fmt::format("{}{}{}{}", mean, processing.step, of_mean, text);
  return text;
}

nn::Metadata to_metadata(const ModelFacts& facts) {
  nlohmann::ordered_json sets = nlohmann::ordered_json::array();
  for (const TrainingSet& set : facts.training_sets) {
    sets.push_back({{"path", as_utf8(set.path)}, {"content_hash", set.content_hash}, {"size", set.size}});
  }
  return {
      {"classes", facts.classes == ClassKind::space_group ? "space_group" : "crystal_system"},
      {"two_theta_start", fmt::format("{}", facts.instrument.grid.start)},
      {"two_theta_step", fmt::format("{}", facts.instrument.grid.step)},
      {"points", fmt::format("{}", facts.instrument.grid.points)},
      {"wavelength", fmt::format("{}", facts.instrument.wavelength)},
      {"input_transform", input_transform(facts.processing)},
      {"recipe", facts.recipe},
      {"training_sets", sets.dump()},
      {"config", facts.config},
      {"seed", fmt::format("{}", facts.seed)},
      {"version", std::string(version())},
      {"commit", std::string(commit())},
  };
}

ModelFacts parse_model_facts(const nn::Metadata& metadata, const std::string& file) {
  const Reader reader(metadata, file);
  ModelFacts facts;
  const std::string& classes = reader.text("classes");
  if (classes == "space_group") {
    facts.classes = ClassKind::space_group;
  } else if (classes == "crystal_system") {
    facts.classes = ClassKind::crystal_system;
  } else {
    reader.fail("classes", classes, "neither space_group nor crystal_system");
  }
  TwoThetaGrid& grid = facts.instrument.grid;
  grid.start = reader.number<double>("two_theta_start");
  grid.step = reader.number<double>("two_theta_step");
  grid.points = reader.number<std::int64_t>("points");
  facts.instrument.wavelength = reader.number<double>("wavelength");
  if (!(grid.start >= 0 && grid.step > 0 && grid.points > 0 && grid.end() < 180)) {
    reader.fail("two_theta_start", reader.text("two_theta_start"),
                fmt::format("with step {} and {} points no grid of 2 theta", grid.step, grid.points));
  }
  if (!(facts.instrument.wavelength > 0 && std::isfinite(facts.instrument.wavelength))) {
    reader.fail("wavelength", reader.text("wavelength"), "not a wavelength");
  }
  const std::string& transform = reader.text("input_transform");
  const auto processing = parse_input_transform(transform);
  if (!processing) reader.fail("input_transform", transform, "nothing that this bragg knows");
  if (const auto fault = fault_of(*processing, grid)) reader.fail("input_transform", transform, *fault);
  facts.processing = *processing;
  facts.recipe = reader.text("recipe");
  facts.config = reader.text("config");
  facts.seed = reader.number<std::uint32_t>("seed");
  const nlohmann::json sets = nlohmann::json::parse(reader.text("training_sets"), nullptr, false);
  if (!sets.is_array()) reader.fail("training_sets", reader.text("training_sets"), "not a JSON list");
  try {
    for (const nlohmann::json& set : sets) {
      facts.training_sets.push_back({.path = set.at("path").get<std::string>(),
                                     .content_hash = set.at("content_hash").get<std::string>(),
                                     .size = set.at("size").get<std::int64_t>()});
    }
  } catch (const nlohmann::json::exception& error) {
    reader.fail("training_sets", reader.text("training_sets"), error.what());
  }
  return facts;
}

}  // namespace bragg::apps
