// Models and training states on disk: safetensors, canonical tensors in fp32, of a rounded model in bf16, everything
// `predict` needs in the metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "kernels/ops/step_state.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::nn {

/// Written into every model file. An unknown one is an Error when reading.
inline constexpr int model_format_version = 1;

/// Facts about the data a model was trained on that nn itself does not interpret (grid, wavelength, recipe,
/// classes ...), and those it does (model config, seed, step).
using Metadata = std::map<std::string, std::string>;

/// Thrown instead of writing a NaN or an infinity: a state that went astray never replaces a good file.
class NotFiniteError : public Error {
 public:
  using Error::Error;
};

/// Weights and running statistics alone: what `predict` and `evaluate` take. Metadata of one's own
/// (format_version, kind, model) wins over the same keys of the caller's. Throws NotFiniteError naming the tensor.
void save_model(const std::filesystem::path&, const Model&, const Parameters&, const Metadata&);
struct LoadedModel {
  Model model;
  Metadata metadata;
};
/// Reads the config, so that Parameters can be made for it. Takes checkpoints too.
LoadedModel read_model(const SafetensorsFile&);
LoadedModel read_model(const std::filesystem::path&);
/// Also of a rounded model. Throws Error naming the file, the tensor and both shapes where file and model differ.
void load_weights(const SafetensorsFile&, Parameters&);
void load_weights(const std::filesystem::path&, Parameters&);

/// Writes the model `from` to `to` with its matrices rounded to bf16, which halves the file. Vectors (biases, and all of
/// a normalisation) stay in fp32: they are few, and a running mean may be large beside its deviation. What is rounded
/// already is as it was. `metadata` take the place of the model's, but for those of nn itself (format_version, kind, model).
/// Throws Error naming `from` for a checkpoint, whose moments and average would be lost; NotFiniteError where a number is
/// beyond bf16.
void save_rounded(const std::filesystem::path& from, const std::filesystem::path& to,
                  const Metadata& metadata);

/// Weights and statistics, Adam's moments ("conv1.weights.m", "conv1.weights.v"), where there is one the average of
/// the weights ("conv1.weights.ema"), and the StepState (metadata step, first_index): everything that a bit-exact
/// continuation needs.
void save_checkpoint(const std::filesystem::path&, const Model&, const Parameters&, const StepState&,
                     const Metadata&);
/// Throws Error as load_weights(), and for a file that is no checkpoint.
StepState load_checkpoint(const std::filesystem::path&, Parameters&);

}  // namespace bragg::nn
