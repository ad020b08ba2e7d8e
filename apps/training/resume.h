// A run that is there already: what it was, and whether another config may continue it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/model_metadata.h"
#include "apps/training/config.h"
#include "apps/training/run_folder.h"
#include "data/recipes/recipe.h"

namespace bragg::apps {

/// A run as its folder says.
struct SavedRun {
  std::string folder;
  TrainConfig config;      ///< of config.toml; the checkpoint's where that is gone or silent
  TrainConfig trained;     ///< the checkpoint's
  ModelFacts facts;        ///< of the checkpoint
  std::uint64_t steps;     ///< done
  std::string arithmetic;  ///< Backend::arithmetic() of the last part; empty: the bragg of then did not say
  bool finished;           ///< model.safetensors is of the checkpoint's step
};

/// Throws Error for a checkpoint or config that cannot be read.
SavedRun read_saved_run(const RunFolder&);

/// The run's own config with what `config` (a path; empty: none) and the assignments give in its place.
/// Throws UsageError naming key and both values for what may not, for data that is gone, and for fewer steps
/// than are done.
struct ResumedConfig {
  TrainConfig config;
  bool names_recipe;                 ///< `config` or an assignment does, not the run alone
  std::vector<std::string> changes;  ///< what differs of what may, a line each
};
ResumedConfig resumed_config(const SavedRun&, const std::string& config,
                             const std::vector<std::string>& assignments);

/// The recipe to go on with: the run's, which one of the same content may name. Says on stderr where what is
/// named is another by now. Throws UsageError where another one is asked for.
std::optional<data::Recipe> resumed_recipe(const SavedRun&, const ResumedConfig&);

/// Throws UsageError unless the data is what the run had, wherever it lies.
void check_same_data(const SavedRun&, const ModelFacts&);

}  // namespace bragg::apps
