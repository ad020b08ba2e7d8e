#include "apps/training/training_data.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/evaluation/evaluation.h"
#include "apps/training/batch_sources.h"
#include "data/patterns/resample.h"
#include "data/patterns/stored_patterns.h"
#include "data/patterns/synthetic_crystals.h"
#include "data/split.h"
#include "data/weighted_rows.h"
#include "kernels/base/error.h"
#include "kernels/crystal/pattern_processing.h"
#include "kernels/ops/rows.h"
#include "xrd/symmetry/space_groups.h"

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

/// How often each of `rows` is to be drawn: the shares of the sets, and within them space groups by the
/// exponent and crystal systems by their weights.
std::vector<double> weights_of(const std::vector<std::int32_t>& rows,
                               const std::vector<data::CrystalSet>& sets, const TrainConfig& config) {
  std::vector<std::int32_t> set_of, group_of;
  for (std::size_t s = 0; s < sets.size(); ++s) {
    for (std::int64_t i = 0; i < sets[s].size(); ++i) {
      set_of.push_back(static_cast<std::int32_t>(s));
      group_of.push_back(sets[s].space_group(i));
    }
  }
  std::vector<std::map<std::int32_t, double>> count(sets.size());
  for (const std::int32_t row : rows)
    count[set_of[row]][group_of[row]] += 1;
  const auto of_system = [&](std::int32_t group) {
    return config.system_weights.empty()
               ? 1.0
               : config.system_weights[static_cast<std::size_t>(xrd::crystal_system(group))];
  };
  std::vector<double> total(sets.size());
  for (std::size_t s = 0; s < sets.size(); ++s) {
    for (const auto& [group, n] : count[s])
      total[s] += of_system(group) * (config.shares.empty() ? n : std::pow(n, config.group_exponent));
  }
  if (config.shares.empty()) {  // all sets are one
    std::map<std::int32_t, double> all;
    for (const auto& of_set : count) {
      for (const auto& [group, n] : of_set)
        all[group] += n;
    }
    std::fill(count.begin(), count.end(), all);
  }
  std::vector<double> weights;
  for (const std::int32_t row : rows) {
    const std::int32_t s = set_of[row];
    const double of_group =
        of_system(group_of[row]) * std::pow(count[s][group_of[row]], config.group_exponent - 1);
    weights.push_back(config.shares.empty() ? of_group
                      : of_group > 0        ? config.shares[s] * of_group / total[s]
                                            : 0);
  }
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; }))
    throw UsageError(
        fmt::format("data.system_weights [{}] and data.shares [{}] leave nothing to draw of the {} "
                    "structures to train on",
                    fmt::join(config.system_weights, ", "), fmt::join(config.shares, ", "), rows.size()));
  return weights;
}

/// How synthetic crystals are to be made; without the space groups, which need the statistics.
data::SyntheticOptions synthetic_options(const TrainConfig& config, ClassKind classes, int threads,
                                         bool in_background) {
  data::SyntheticOptions options;
  options.generator.seed = config.train.seed;
  options.share = config.synthetic;
  options.label = [classes](int space_group) { return class_of(space_group, classes); };
  options.seed = config.train.seed;
  if (config.train.steps < options.patterns_per_portion / config.train.batch)
    options.patterns_per_portion = config.train.batch * config.train.steps;
  options.threads = threads;
  options.in_background = in_background;
  return options;
}

/// Statistics of the structures that are trained on, and nothing else: those held out stay unseen.
std::unique_ptr<data::CrystalStatistics> training_statistics(const std::vector<const data::CrystalSet*>& sets,
                                                             const std::vector<std::int32_t>& rows,
                                                             int threads) {
  ThreadPool pool(threads);
  const data::CrystalSource all = data::crystals_of(sets);
  const data::CrystalSource training{
      std::ssize(rows), [&](std::int64_t i) { return all.at(rows[static_cast<std::size_t>(i)]); }};
  return std::make_unique<data::CrystalStatistics>(training, pool);
}

/// Measured patterns as the network reads them; those that cannot be used are left out.
data::MeasuredPatterns measured_patterns(const TrainingFiles& files, ClassKind classes) {
  data::MeasuredPatterns measured;
  if (!files.measured()) return measured;
  const ModelFacts facts = files.facts();
  measured.share = files.recipe().measured_share;
  for (std::int64_t i = 0; i < files.measured()->size(); ++i) {
    try {
      std::vector<float> values = prepared(*files.measured(), i, facts);
      process_pattern(facts.processing, facts.instrument.grid, values);
      measured.patterns.insert(measured.patterns.end(), values.begin(), values.end());
      measured.labels.push_back(class_of(files.measured()->space_group(i), classes));
    } catch (const data::PatternRefused&) {
    }
  }
  const auto used = static_cast<std::int64_t>(measured.labels.size());
  if (used > 0 && used < files.measured()->size()) {
    fmt::print(stderr, "{}: {} of {} patterns can be used\n", files.measured()->path().string(), used,
               files.measured()->size());
  }
  if (measured.labels.empty())
    throw Error(fmt::format("{}: none of {} patterns can be used", files.measured()->path().string(),
                            files.measured()->size()));
  return measured;
}

}  // namespace

data::Recipe with_grid_step(data::Recipe recipe, const TrainConfig& config, const TwoThetaGrid& grid) {
  recipe.processing.step = config.grid_step;
  if (const auto fault = fault_of(recipe.processing, grid))
    throw UsageError(fmt::format("data.grid_step: {}", *fault));
  return recipe;
}

TrainingFiles::TrainingFiles(const TrainConfig& config, std::optional<data::Recipe> recipe) {
  if (!config.patterns.empty()) {
    patterns_ = std::make_unique<data::PatternSet>(config.patterns);
    instrument_ = patterns_->instrument();
    return;
  }
  recipe_ = with_grid_step(recipe ? *std::move(recipe) : recipe_of(config), config, instrument_.grid);
  if (recipe_.cells != data::CellScales{}) {
    throw UsageError(
        fmt::format("recipe {} scales cells: make a set of patterns with `bragg simulate --recipe {}`, and "
                    "evaluate on it",
                    recipe_.name, recipe_text(config)));
  }
  if ((recipe_.measured_share > 0) != !config.measured.empty()) {
    throw UsageError(fmt::format("recipe {} has a share {} of measured patterns, data.measured is {}",
                                 recipe_.name, recipe_.measured_share,
                                 config.measured.empty() ? "missing" : "'" + config.measured + "'"));
  }
  if (!config.measured.empty()) {
    measured_ = std::make_unique<data::PatternSet>(config.measured);
    if (!measured_->has_labels())
      throw Error(fmt::format("{}: no tensor 'space_group' to train on", config.measured));
  }
  for (const std::string& path : config.crystals)
    crystals_.emplace_back(path);
}

ModelFacts TrainingFiles::facts() const {
  ModelFacts facts;
  facts.instrument = instrument_;
  if (patterns_) {
    facts.training_sets.push_back({patterns_->path().string(), patterns_->content_hash(), patterns_->size()});
  } else {
    facts.recipe = data::to_toml(recipe_);
    facts.processing = recipe_.processing;
  }
  for (const data::CrystalSet& set : crystals_) {
    facts.training_sets.push_back({set.path().string(), set.content_hash(), set.size()});
  }
  if (measured_)
    facts.training_sets.push_back({measured_->path().string(), measured_->content_hash(), measured_->size()});
  return facts;
}

TrainingData make_training_data(Backend& backend, const TrainingFiles& files, const TrainConfig& config,
                                int threads) {
  const ClassKind classes = class_kind(config.model.classes);
  using Order = SampleRowsProblem::Order;
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
  // A GPU leaves the host's threads free; on the CPU they are busy with the steps.
  data::SyntheticOptions synthetic = synthetic_options(config, classes, threads, backend.stream() != nullptr);
  data.store = std::make_unique<data::ReflectionStore>(
      backend, data::crystals_of(sets), data::reflections_on(files.instrument(), files.recipe()),
      data::SyntheticCrystals::expected_per_portion(synthetic, config.train.batch));
  const auto stream = [&](const std::vector<std::int32_t>& rows, Order order, std::uint32_t seed) {
    return data::StreamOptions{.rows = rows,
                               .order = order,
                               .labels = split.labels,
                               .variants = files.recipe().variants,
                               .processing = files.recipe().processing,
                               .measured = {},
                               .synthetic = nullptr,
                               .instrument = files.instrument(),
                               .seed = seed};
  };
  data::StreamOptions training =
      stream(data::weighted_rows(split.training, weights_of(split.training, files.crystals(), config)),
             Order::uniform, config.train.seed);
  training.measured = measured_patterns(files, classes);
  if (synthetic.share > 0) {
    auto statistics = training_statistics(sets, split.training, threads);
    synthetic.generator.space_groups =
        data::space_group_weights(*statistics, config.synthetic_group_exponent);
    training.synthetic =
        std::make_shared<data::SyntheticCrystals>(*data.store, std::move(statistics), std::move(synthetic));
  }
  data.training = endless_source(data::PatternStream(*data.store, std::move(training)));
  // Drawn with the split's seed: runs that differ in their seed alone are measured on the same patterns.
  if (!split.held_out.empty())
    data.held_out = finite_source(
        data::PatternStream(*data.store, stream(split.held_out, Order::sequential, config.split_seed)));
  return data;
}

void check_holdout(const TrainConfig& config, const TrainingData& data) {
  if (!(config.holdout > 0) || data.held_out_size > 0) return;
  throw UsageError(fmt::format(
      "data.holdout is {}, but none of {} {} is held out with data.split_seed {}: the set is too "
      "small, or already the rest of such a split; set data.holdout to 0 or another data.split_seed",
      config.holdout, data.training_size, config.patterns.empty() ? "structures" : "patterns",
      config.split_seed));
}

}  // namespace bragg::apps
