// Refines measured patterns as mixtures of phases that are named.
#pragma once

#include <string>
#include <vector>

#include "apps/evaluation/measured_item.h"
#include "apps/fit/mixture.h"
#include "kernels/backend.h"

namespace bragg::apps {

struct FitterSettings {
  std::vector<NamedPhase> phases;
  std::optional<std::array<double, 2>> range{};  ///< degrees
  data::PhaseFitSettings fit{};
};

class Fitter {
 public:
  Fitter(Backend& backend, FitterSettings settings) : backend_(backend), settings_(std::move(settings)) {}

  /// Of a pattern read with MeasuredReading::without_grid.
  Mixture fit(const MeasuredItem&) const;

 private:
  void refine(const MeasuredItem&, Mixture&) const;

  Backend& backend_;
  FitterSettings settings_;
};

}  // namespace bragg::apps
