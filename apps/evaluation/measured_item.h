// Patterns on their way to a model: from files, pipes, folders and sets, with what was assumed about each.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/assumed.h"
#include "apps/evaluation/model_metadata.h"

namespace bragg::apps {

/// Either why a pattern was refused or its values.
struct MeasuredItem {
  std::string file;
  std::int64_t index = 0;  ///< in a pattern set
  Assumed assumed{};
  std::vector<std::string> warnings{};
  std::optional<std::string> refused{};
  std::vector<float> values{};  ///< on the model's grid
};

/// Reads `path`: text, also compressed or "-", a pattern set (.safetensors), or every such file in a folder,
/// by name. `flag` is the wavelength that the user gave, A. Whatever goes wrong with one pattern refuses that
/// one.
void read_measured(const std::string& path, std::optional<double> flag, const ModelFacts&,
                   const std::function<void(MeasuredItem)>& take);

}  // namespace bragg::apps
