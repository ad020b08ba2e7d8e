// Models and training states on disk: safetensors, canonical tensors in fp32, everything `predict` needs in the metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "kernels/backend.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::nn {

/// Written into every model file. An unknown one is an Error when reading.
inline constexpr int model_format_version = 1;

/// Facts about the data a model was trained on that nn itself does not interpret (grid, wavelength, recipe, classes ...),
/// and those it does (model config, seed, step).
using Metadata = std::map<std::string, std::string>;

/// Weights alone: what `predict` and `evaluate` take.
void save_model(const std::filesystem::path&, const Model&, const Parameters&, const Metadata&);
struct LoadedModel {
  Model model;
  Metadata metadata;
};
/// Reads the config, so that Parameters can be made for it.
LoadedModel read_model(const std::filesystem::path&);
/// Throws Error naming the file, the tensor and both shapes where file and model differ.
void load_weights(const std::filesystem::path&, Parameters&);

/// Weights, Adam's moments and the StepState: everything that a bit-exact continuation needs.
void save_checkpoint(const std::filesystem::path&, const Model&, const Parameters&, const StepState&, const Metadata&);
StepState load_checkpoint(const std::filesystem::path&, Parameters&);

}  // namespace bragg::nn
