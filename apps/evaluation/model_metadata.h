// What a model file says about itself beyond its weights: everything that predict and evaluate need to feed
// it right.
#pragma once

#include <string>
#include <vector>

#include "kernels/crystal/pattern_problem.h"
#include "nn/checkpoint.h"

namespace bragg::apps {

/// What the classes of a model mean: 7 crystal systems, or 230 space groups (class = number - 1).
enum class ClassKind { crystal_system, space_group };
/// Throws UsageError unless `classes` is 7 or 230.
ClassKind class_kind(int classes);
/// The class of a space group (1..230).
int class_of(int space_group, ClassKind);

/// A head that asks for the crystal system of patterns whose labels are space groups.
nn::Head crystal_system_head(double weight);

/// What the keys of figures begin with. Names are SET.RATE ("rruff_dev.space_group"), shares of 1; SET.RATE_low and _high
/// bound the 95 % interval.
inline const std::string figure_key = "figure.";

struct TrainingSet {
  std::string path, content_hash;
  std::int64_t size = 0;  ///< crystals or patterns in the file
  bool operator==(const TrainingSet&) const = default;
};

/// Keys of the metadata, each as text:
///   classes          "crystal_system" or "space_group"
///   two_theta_start, two_theta_step, points, wavelength    degrees, degrees, count, A; of a pattern before
///                    the input transform
///   input_transform  text of input_transform(): what is done to a pattern before the network reads it
///   recipe           TOML; empty where the model was trained on stored patterns
///   training_sets    JSON: [{"path", "content_hash", "size"}]
///   config           TOML: the resolved config of the run
///   seed, version, commit
///   figure.NAME      a number that says how good it is, as bragg compact --figure was told; see figure_key
/// nn adds format_version, the model's own config and the step.
struct ModelFacts {
  ClassKind classes = ClassKind::space_group;
  Instrument instrument;
  Processing processing;
  std::string recipe;
  std::vector<TrainingSet> training_sets;
  std::string config;
  std::uint32_t seed = 0;

  /// Numbers that the network reads.
  std::int64_t points() const { return processing.read_grid(instrument.grid).points; }
};

/// "mean over 0.05 deg, background 4 deg subtracted, scale to maximum 1, square root", without what is not
/// done.
std::string input_transform(const Processing&);

nn::Metadata to_metadata(const ModelFacts&);
/// Throws Error naming `file` and the key that is missing or unreadable, or an input transform that is not
/// known.
ModelFacts parse_model_facts(const nn::Metadata&, const std::string& file);

}  // namespace bragg::apps
