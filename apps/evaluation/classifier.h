// A trained model ready to answer: what predict and evaluate share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "apps/evaluation/model_metadata.h"
#include "kernels/backend.h"
#include "kernels/base/safetensors.h"
#include "nn/checkpoint.h"
#include "nn/network.h"

namespace bragg::apps {

/// What a model says of a pattern.
struct Probabilities {
  std::vector<float> classes;         ///< of the model's classes
  std::vector<float> crystal_system;  ///< (7), by crystal_system_probabilities()
};

class Classifier {
 public:
  /// Throws Error naming the file where it is no model of bragg, or where its metadata and its network
  /// differ. Nothing of `model` is kept.
  Classifier(Backend&, const SafetensorsFile& model, std::int64_t batch);
  /// The same model with other weights, on their backend.
  Classifier(Backend&, const Classifier&, nn::Parameters weights);

  const std::filesystem::path& path() const { return path_; }
  const ModelFacts& facts() const { return facts_; }
  const nn::Model& model() const { return loaded_.model; }
  const nn::Metadata& metadata() const { return loaded_.metadata; }
  std::int64_t batch() const { return network_->batch(); }
  int classes() const { return loaded_.model.config.classes; }

  /// Patterns on the model's grid with maximum 1, as they were measured: the model's processing is done here
  /// -> the probabilities of each; batch() of them at a time. Throws Error where one is not finite.
  std::vector<Probabilities> probabilities(std::span<const std::vector<float>> patterns);

 private:
  void plan(std::int64_t batch);
  void add_batch(std::span<const std::vector<float>> patterns, std::vector<Probabilities>& result);
  /// Of the first `count` patterns of the batch, (count, classes of the head).
  std::vector<std::vector<float>> answers_of(std::size_t head, std::size_t count) const;

  Backend& backend_;
  std::filesystem::path path_;
  nn::LoadedModel loaded_;
  ModelFacts facts_;
  nn::Parameters parameters_;
  std::unique_ptr<nn::Network> network_;
  std::optional<std::size_t> system_head_;  ///< that asks for the crystal system beside space groups
};

/// The first patterns.size() patterns of a network's input, from patterns on the model's grid with maximum 1, which are
/// processed on the way. Throws Error where one has another number of points.
void upload_patterns(Backend&, const ModelFacts&, std::span<const std::vector<float>> patterns,
                     const Activations& input);

/// Probabilities of the 7 crystal systems: those of the classes themselves, or summed over the groups of
/// each; where a head of its own was asked as well (`head`, else empty), the mean of both.
std::vector<float> crystal_system_probabilities(std::span<const float> classes, ClassKind,
                                                std::span<const float> head = {});
/// Indices by descending value, equal ones by ascending index; at most `count`.
std::vector<int> ranked(std::span<const float> values, std::size_t count);

}  // namespace bragg::apps
