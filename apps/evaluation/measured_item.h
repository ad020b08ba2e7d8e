// Patterns on their way to a model: from files, pipes, folders and sets, with what was assumed about each.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/assumed.h"
#include "apps/evaluation/model_metadata.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/resample.h"

namespace bragg::apps {

/// Either why a pattern was refused or its values.
struct MeasuredItem {
  std::string file;
  std::int64_t index = 0;  ///< in a pattern set or of the scan in its file, from 0
  Assumed assumed{};
  std::vector<std::string> warnings{};
  std::optional<std::string> refused{};
  std::vector<float> values{};  ///< on the model's grid
  std::size_t source = 0;       ///< which of the paths it came from
  /// As it was measured, and by which wavelength (A) its positions are to be understood; empty where that was not to be kept.
  data::MeasuredPattern measured{};
  std::vector<double> uncertainty{};  ///< of each intensity of `measured`, where the file states them
  double wavelength = 0;
};

struct MeasuredReading {
  std::optional<double> wavelength{};  ///< A, that the user gave
  std::optional<int> scan{};           ///< the only one that is read of each file, from 1
  int threads = 0;                     ///< that read files; 0: all that the process may use
  bool keep_measured = false;          ///< fills MeasuredItem::measured
  /// Nothing is brought to the model's grid, so that nothing is refused for what a model would miss: short ranges, wide
  /// steps, lines that are not there. MeasuredItem::values stays empty.
  bool without_grid = false;
  /// Whose wavelength a file has that names none: the model's that asks, or without one a default.
  WavelengthFrom unstated = WavelengthFrom::model;
};

/// Reads `paths`, each a file of any format that is read, also compressed or "-", a pattern set, or a folder
/// (measured_paths.h): every such file in it, by name. Files are read by several threads at once, and taken in order. Whatever goes
/// wrong with one pattern refuses that one.
void read_measured(const std::vector<std::string>& paths, const MeasuredReading&, const ModelFacts&,
                   const std::function<void(MeasuredItem)>& take);
/// The patterns of a set that is open, as those of its file.
void read_measured_set(const data::PatternSet&, const MeasuredReading&, const ModelFacts&,
                       const std::function<void(MeasuredItem)>& take);

}  // namespace bragg::apps
