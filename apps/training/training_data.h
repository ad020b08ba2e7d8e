// What a config's [data] means: batches to train on, patterns held out, and what the model's metadata says of
// them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/model_metadata.h"
#include "apps/training/config.h"
#include "data/crystals/crystal_set.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/stream.h"
#include "data/recipes/recipe.h"
#include "nn/batch_source.h"

namespace bragg::apps {

/// The recipe with the grid step of the config. Throws UsageError naming data.grid_step and what patterns on the grid have
/// against it.
data::Recipe with_grid_step(data::Recipe, const TrainConfig&, const TwoThetaGrid&);

/// The files of a config, opened; nothing is computed yet.
class TrainingFiles {
 public:
  /// `recipe`: taken in place of the one that the config names, as a resumed run began with it.
  explicit TrainingFiles(const TrainConfig&, std::optional<data::Recipe> recipe = std::nullopt);

  const Instrument& instrument() const { return instrument_; }
  /// instrument, recipe and training_sets; the rest as in ModelFacts.
  ModelFacts facts() const;
  const std::vector<data::CrystalSet>& crystals() const { return crystals_; }
  const data::PatternSet* patterns() const { return patterns_.get(); }
  /// Measured patterns to draw beside crystals, or nullptr.
  const data::PatternSet* measured() const { return measured_.get(); }
  /// With the processing that the config adds.
  const data::Recipe& recipe() const { return recipe_; }
  /// Numbers that a network reads of a pattern.
  std::int64_t points() const { return recipe_.processing.read_grid(instrument_.grid).points; }
  /// Unmaps the crystal sets: streams hold reflections of their own.
  void release_crystals() { crystals_.clear(); }

 private:
  std::vector<data::CrystalSet> crystals_;
  std::unique_ptr<data::PatternSet> patterns_, measured_;
  data::Recipe recipe_;
  Instrument instrument_;
};

/// Batches from the files. Stored patterns must outlive this; crystals are not looked at again.
struct TrainingData {
  std::unique_ptr<data::ReflectionStore> store;  ///< none with stored patterns
  std::int64_t training_size = 0, held_out_size = 0;
  std::unique_ptr<nn::BatchSource> training;
  std::unique_ptr<nn::FiniteSource> held_out;  ///< none where nothing is held out
};

/// Splits by structure (crystals) or by group (patterns). `threads` make synthetic crystals, 0: all. Throws
/// Error where nothing is left to train on.
TrainingData make_training_data(Backend&, const TrainingFiles&, const TrainConfig&, int threads);

/// Throws UsageError where a share is to be held out and nothing is.
void check_holdout(const TrainConfig&, const TrainingData&);

}  // namespace bragg::apps
