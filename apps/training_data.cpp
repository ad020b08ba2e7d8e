#include "apps/training_data.h"

#include <numeric>

#include <fmt/format.h>

#include "apps/batch_sources.h"
#include "data/split.h"
#include "data/stored_patterns.h"
#include "kernels/error.h"

namespace bragg::apps {
namespace {

/// Rows on the two sides of a split.
struct Split {
  std::vector<std::int32_t> training, held_out;
  std::vector<std::int32_t> labels;  ///< of all rows

  void add(std::int32_t label, double position, double holdout) {
    const auto row = static_cast<std::int32_t>(labels.size());
    labels.push_back(label);
    (position < holdout ? held_out : training).push_back(row);
  }
};

Split split_crystals(const std::vector<data::CrystalSet>& sets, const TrainConfig& config,
                     ClassKind classes) {
  Split split;
  for (const data::CrystalSet& set : sets) {
    for (std::int64_t i = 0; i < set.size(); ++i) {
      const std::string key = data::split_key(set.crystal(i));
      split.add(class_of(set.space_group(i), classes), data::split_position(key, config.split_seed),
                config.holdout);
    }
  }
  return split;
}

Split split_patterns(const data::PatternSet& set, const TrainConfig& config, ClassKind classes) {
  if (!set.has_labels())
    throw Error(fmt::format("{}: no tensor 'space_group' to train on", set.path().string()));
  Split split;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::string key = fmt::format("group {}", set.group(i));
    split.add(class_of(set.space_group(i), classes), data::split_position(key, config.split_seed),
              config.holdout);
  }
  return split;
}

}  // namespace

TrainingFiles::TrainingFiles(const TrainConfig& config) {
  if (!config.patterns.empty()) {
    patterns_ = std::make_unique<data::PatternSet>(config.patterns);
    grid_ = patterns_->grid();
    wavelength_ = patterns_->wavelength();
    return;
  }
  recipe_ = xrd::load_recipe(config.recipe);
  for (const std::string& path : config.crystals)
    crystals_.emplace_back(path);
}

ModelFacts TrainingFiles::facts() const {
  ModelFacts facts;
  facts.grid = grid_;
  facts.wavelength = wavelength_;
  if (patterns_) {
    facts.training_sets.push_back({patterns_->path().string(), patterns_->content_hash(), patterns_->size()});
  } else {
    facts.recipe = xrd::to_toml(recipe_);
  }
  for (const data::CrystalSet& set : crystals_) {
    facts.training_sets.push_back({set.path().string(), set.content_hash(), set.size()});
  }
  return facts;
}

TrainingData make_training_data(Backend& backend, const TrainingFiles& files, const TrainConfig& config) {
  const ClassKind classes = class_kind(config.model.classes);
  using Order = DrawRowsProblem::Order;
  const Split split = files.patterns() ? split_patterns(*files.patterns(), config, classes)
                                       : split_crystals(files.crystals(), config, classes);
  if (split.training.empty()) {
    throw Error(fmt::format("nothing to train on: {} structures, {} of them held out (holdout {})",
                            split.labels.size(), split.held_out.size(), config.holdout));
  }
  TrainingData data;
  data.training_size = static_cast<std::int64_t>(split.training.size());
  data.held_out_size = static_cast<std::int64_t>(split.held_out.size());

  if (const data::PatternSet* patterns = files.patterns()) {
    const auto stored = [&](const std::vector<std::int32_t>& rows, Order order, std::uint32_t seed) {
      return data::StoredPatterns(*patterns,
                                  {.rows = rows, .order = order, .labels = split.labels, .seed = seed});
    };
    data.training = endless_source(stored(split.training, Order::uniform, config.train.seed));
    if (!split.held_out.empty()) {
      data.held_out = finite_source(stored(split.held_out, Order::sequential, config.split_seed));
    }
    return data;
  }

  std::vector<const data::CrystalSet*> sets;
  for (const data::CrystalSet& set : files.crystals())
    sets.push_back(&set);
  data.store = std::make_unique<data::ReflectionStore>(
      backend, sets, data::reflections_on(files.grid(), files.wavelength(), files.recipe()));
  const auto stream = [&](const std::vector<std::int32_t>& rows, Order order, std::uint32_t seed) {
    return data::PatternStream(*data.store, {.rows = rows,
                                             .order = order,
                                             .labels = split.labels,
                                             .variants = files.recipe().variants,
                                             .grid = files.grid(),
                                             .wavelength = files.wavelength(),
                                             .seed = seed});
  };
  data.training = endless_source(stream(split.training, Order::uniform, config.train.seed));
  // Drawn with the split's seed: runs that differ in their seed alone are measured on the same patterns.
  if (!split.held_out.empty())
    data.held_out = finite_source(stream(split.held_out, Order::sequential, config.split_seed));
  return data;
}

}  // namespace bragg::apps
