#include "apps/evaluation/classifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "data/file_kind.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "kernels/crystal/pattern_processing.h"
#include "nn/evaluation.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

/// Throws Error saying what the file is, where it is no model.
nn::LoadedModel read_model_of(const SafetensorsFile& file) {
  if (!file.metadata().contains("model"))
    throw Error(fmt::format("{}: not a model: {}", file.path().string(), data::kind_of(file)));
  return nn::read_model(file);
}

}  // namespace

Classifier::Classifier(Backend& backend, const SafetensorsFile& model, std::int64_t batch)
    : backend_(backend),
      path_(model.path()),
      loaded_(read_model_of(model)),
      facts_(parse_model_facts(loaded_.metadata, path_.string())),
      parameters_(backend, loaded_.model, nn::Parameters::Use::inference) {
  const nn::ModelConfig& config = loaded_.model.config;
  if (config.points != facts_.points()) {
    throw Error(fmt::format("{}: the network reads {} points, the grid of its metadata has {}",
                            path_.string(), config.points, facts_.points()));
  }
  if (class_kind(config.classes) != facts_.classes) {
    throw Error(fmt::format("{}: the network has {} classes, its metadata says '{}'", path_.string(),
                            config.classes,
                            facts_.classes == ClassKind::space_group ? "space_group" : "crystal_system"));
  }
  nn::load_weights(model, parameters_);
  plan(batch);
}

Classifier::Classifier(Backend& backend, const Classifier& original, nn::Parameters weights)
    : backend_(backend),
      path_(original.path_),
      loaded_(original.loaded_),
      facts_(original.facts_),
      parameters_(std::move(weights)) {
  plan(original.batch());
}

void Classifier::plan(std::int64_t batch) {
  const std::vector<nn::PlacedHead>& heads = loaded_.model.graph.heads();
  for (std::size_t head = 1; head < heads.size(); ++head) {
    if (heads[head].name == crystal_system_head(1).name && heads[head].classes == xrd::crystal_system_count)
      system_head_ = head;
  }
  network_ =
      std::make_unique<nn::Network>(backend_, loaded_.model, parameters_, nn::NetworkOptions{.N = batch});
}

std::vector<Probabilities> Classifier::probabilities(std::span<const std::vector<float>> patterns) {
  std::vector<Probabilities> result;
  const auto most = static_cast<std::size_t>(batch());
  for (std::size_t first = 0; first < patterns.size(); first += most)
    add_batch(patterns.subspan(first, std::min(most, patterns.size() - first)), result);
  return result;
}

void Classifier::add_batch(std::span<const std::vector<float>> patterns, std::vector<Probabilities>& result) {
  upload_patterns(backend_, facts_, patterns, network_->input());
  // Rows of an earlier batch may lie behind the last pattern: rows do not depend on each other.
  network_->forward();
  std::vector<std::vector<float>> classes = answers_of(0, patterns.size()), systems(patterns.size());
  if (system_head_) systems = answers_of(*system_head_, patterns.size());
  for (std::size_t n = 0; n < patterns.size(); ++n) {
    std::vector<float> of_pattern = crystal_system_probabilities(classes[n], facts_.classes, systems[n]);
    result.push_back({std::move(classes[n]), std::move(of_pattern)});
  }
}

std::vector<std::vector<float>> Classifier::answers_of(std::size_t head, std::size_t count) const {
  const auto width = static_cast<std::size_t>(network_->classes(head));
  std::vector<float> logits(static_cast<std::size_t>(batch()) * width);
  backend_.download(network_->logits(head), std::span<float>(logits));
  std::vector<std::vector<float>> answers;
  for (std::size_t n = 0; n < count; ++n) {
    answers.push_back(nn::softmax(std::span<const float>(logits).subspan(n * width, width)));
    for (const float p : answers.back()) {
      if (!std::isfinite(p)) throw Error(fmt::format("{}: the model's answer is not finite", path_.string()));
    }
  }
  return answers;
}

void upload_patterns(Backend& backend, const ModelFacts& facts, std::span<const std::vector<float>> patterns,
                     const Activations& input) {
  const std::int64_t points = facts.instrument.grid.points;
  for (std::size_t n = 0; n < patterns.size(); ++n) {
    if (static_cast<std::int64_t>(patterns[n].size()) != points) {
      throw Error(
          fmt::format("[classifier] pattern has {} points, the model's grid {}", patterns[n].size(), points));
    }
    const auto offset = n * static_cast<std::size_t>(input.item_stride) * size_of(input.dtype);
    std::vector<float> values = patterns[n];
    if (!facts.processing.is_identity()) process_pattern(facts.processing, facts.instrument.grid, values);
    backend.upload(values, Tensor{static_cast<std::byte*>(input.data) + offset, input.dtype});
  }
}

std::vector<float> crystal_system_probabilities(std::span<const float> classes, ClassKind kind,
                                                std::span<const float> head) {
  if (kind == ClassKind::crystal_system) return {classes.begin(), classes.end()};
  std::vector<double> sum(xrd::crystal_system_count);
  for (int group = 1; group <= xrd::space_group_count; ++group) {
    sum[static_cast<std::size_t>(xrd::crystal_system(group))] += classes[static_cast<std::size_t>(group - 1)];
  }
  for (std::size_t i = 0; i < head.size(); ++i)
    sum[i] = (sum[i] + double{head[i]}) / 2;
  return {sum.begin(), sum.end()};
}

std::vector<int> ranked(std::span<const float> values, std::size_t count) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  order.resize(std::min(count, order.size()));
  return order;
}

}  // namespace bragg::apps
