// A network that goes on with its training on a few measured patterns.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "apps/evaluation/classifier.h"
#include "kernels/backend.h"
#include "kernels/base/safetensors.h"

namespace bragg::apps {

/// AdamW on all weights; the rate falls linearly to 0. Chosen before any figure of an adapted network was seen.
struct AdaptationSettings {
  std::int64_t batch = 32;
  std::int64_t epochs = 4;
  double learning_rate = 1e-4, weight_decay = 0.01, clip_norm = 2;
  std::uint32_t seed = 1;  ///< of the order of patterns, and of dropout
};

/// `original`, read from `file`, with weights of more training on `patterns` (on the model's grid, maximum 1, as they were measured) and
/// their space groups. At least one pattern. Throws Error for a model whose weights were rounded in a way that can't be
/// trained on, and as upload_patterns().
std::unique_ptr<Classifier> adapted(Backend&, const Classifier& original, const SafetensorsFile& file,
                                    std::span<const std::vector<float>> patterns,
                                    std::span<const int> space_groups, const AdaptationSettings&);

}  // namespace bragg::apps
