// What `predict` took a pattern for: everything that is not the pattern itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "data/formats/column_name.h"
#include "data/formats/scan.h"

namespace bragg::apps {

enum class WavelengthFrom { flag, file, model, default_value, search };

struct Assumed {
  /// On the model's axis, degrees.
  struct Range {
    double first = 0, last = 0, step = 0, covered_share = 0;
  };
  struct Wavelength {
    double value = 0;  ///< A; K alpha 1 where both are in the beam
    WavelengthFrom from = WavelengthFrom::model;
    std::optional<double> alpha2;     ///< A
    std::optional<double> positions;  ///< A, by which positions are converted, where it is another one
  };

  /// Of a file that a diffractometer or a person wrote, not of a pattern set.
  struct File {
    std::string format;       ///< as the registry of formats names it
    int scan = 1, scans = 1;  ///< which of how many, from 1
    std::vector<data::ReadingNote> notes;
  };

  std::optional<File> file;
  std::optional<data::AxisQuantity> axis;
  bool axis_is_named = false;
  std::optional<Wavelength> wavelength;
  std::optional<Range> range;
  std::optional<data::TextColumns> text;
};

/// `axis`, `wavelength_from` and `intensity_column` are always there, null where nothing was read so far.
nlohmann::ordered_json to_json(const Assumed&);
/// For people, a line each; none where nothing was read.
std::vector<std::string> describe(const Assumed&);

}  // namespace bragg::apps
