#include "data/mixture/mixture_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bragg::data {
namespace {

using Weights = std::array<double, candidate_figures>;

constexpr Weights score_weights{1.46, 0.453, 3.28,  -0.415, -2.26, 0, -2.39, -0.172, 0,
                                0,    0.49,  -3.61, 3.34,   0.177, 0, 0,     0,      0};
constexpr Weights presence_weights{1.11,   0.135, 0, -1.31, -0.215, 0, 0,      -0.852, 0,
                                   -0.276, 0,     0, 0.701, 0.585,  0, 0.0824, -0.167, -2};
constexpr double presence_bias = 3.82;

}  // namespace

std::array<double, candidate_figures> values_of(const CandidateFigures& f) {
  return {f.similarity,   f.root_cosine, f.gain,     f.calculated, f.absent,    f.ln_volume,
          f.low_symmetry, f.cell_change, f.elements, f.rarity,     f.kin,       f.light,
          f.joint_gain,   f.log_gain(),  f.misfit,   f.evidence,   f.ln_choice, f.polymorph};
}

void CandidateFigures::set_joint(double with, double without, double points) {
  joint_gain = std::log(without / with);
  misfit = std::log(with / std::max(1.0, points));
  evidence = std::log1p(std::max(0.0, without - with)) * std::exp(-std::max(misfit, 0.0) / 0.1);
}

ElementPrior::ElementPrior(const SearchIndex& index) {
  double measured = 1;
  for (std::int64_t i = 0; i < index.size(); ++i) {
    if (index.kind(i) != StructureKind::experimental) continue;
    ++measured;
    const ElementSet& elements = index.elements(i);
    ++kin_[elements.bits];
    for (int z = 1; z < std::ssize(share_); ++z)
      if (elements.has(z)) ++share_[static_cast<std::size_t>(z)];
  }
  for (double& share : share_)
    share = (share + 1) / measured;
}

void ElementPrior::describe(const ElementSet& elements, CandidateFigures& figures) const {
  constexpr std::array light{1, 6, 7, 8, 15, 16};
  double rarest = 1;
  figures.elements = 0;
  figures.light = 1;
  for (int z = 1; z < std::ssize(share_); ++z) {
    if (!elements.has(z)) continue;
    ++figures.elements;
    rarest = std::min(rarest, share_[static_cast<std::size_t>(z)]);
    if (std::find(light.begin(), light.end(), z) == light.end()) figures.light = 0;
  }
  figures.rarity = -std::log(rarest);
  const auto kin = kin_.find(elements.bits);
  figures.kin = kin == kin_.end() ? 0 : std::log(1 + static_cast<double>(kin->second));
}

double candidate_score(const CandidateFigures& figures) {
  const auto values = values_of(figures);
  return std::inner_product(values.begin(), values.end(), score_weights.begin(), 0.0);
}

double presence(const CandidateFigures& figures) {
  const auto values = values_of(figures);
  return std::inner_product(values.begin(), values.end(), presence_weights.begin(), presence_bias);
}

}  // namespace bragg::data
