#include "data/mixture/mixture_models.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/refinement/lattice_forms.h"

namespace bragg::data {
namespace {

/// The mean over all directions of what texture multiplies intensities by.
double mean_of_texture(const RefinedStructure& structure, const float* texture) {
  if (structure.has_axis()) return 1;  // March's function is such
  constexpr int directions = 400;
  const ReciprocalMetric& g = structure.metric;
  // Lower triangular L with L L^T the metric: the direction v is that of h = v L^-1.
  const double l00 = std::sqrt(g[0]), l10 = g[5] / 2 / l00, l20 = g[4] / 2 / l00;
  const double l11 = std::sqrt(g[1] - l10 * l10), l21 = (g[3] / 2 - l20 * l10) / l11;
  const double l22 = std::sqrt(g[2] - l20 * l20 - l21 * l21);
  double sum = 0;
  for (int i = 0; i < directions; ++i) {
    const double z = 1 - (2 * i + 1.0) / directions, r = std::sqrt(1 - z * z);
    const double turn = i * std::numbers::pi * (3 - std::sqrt(5.0));
    const double x = r * std::cos(turn), y = r * std::sin(turn);
    const double l = z / l22, k = (y - l * l21) / l11, h = (x - k * l10 - l * l20) / l00;
    double exponent = 0;
    if (structure.strains == 1) {
      const double second = h * h + k * k + l * l, fourth = h * h * h * h + k * k * k * k + l * l * l * l;
      exponent = double{texture[0]} * 3 * (fourth / (second * second) - 0.6);
    } else {
      for (int t = 0; t < structure.textures(); ++t) {
        const QuadraticForm& f = structure.texture[t];
        exponent += double{texture[t]} * (double{f[0]} * h * h + double{f[1]} * k * k + double{f[2]} * l * l +
                                          double{f[3]} * k * l + double{f[4]} * h * l + double{f[5]} * h * k);
      }
    }
    sum += std::exp(-2 * exponent);
  }
  return sum / directions;
}

}  // namespace

StructurePool::StructurePool(Backend& backend, const CrystalSource& source, double least_d, double most_d,
                             double wavelength)
    : backend_(backend),
      source_(source),
      least_d_(least_d),
      most_d_(most_d),
      wavelength_(wavelength),
      there_(std::make_unique<StructuresThere>(backend, RefinedStructures{})) {}

void StructurePool::add(std::span<const std::int32_t> structures) {
  std::vector<xrd::Crystal> crystals;
  for (const std::int32_t structure : structures) {
    const auto place = static_cast<std::int32_t>(crystals_.size() + crystals.size());
    if (place_.try_emplace(structure, place).second) crystals.push_back(source_.at(structure));
  }
  if (crystals.empty()) return;
  RefinedStructures all = there_->host;
  RefinedStructures made = refined_structures(backend_, crystals, least_d_, most_d_, wavelength_);
  for (RefinedStructure& structure : made.structures) {
    structure.first_line += static_cast<std::int32_t>(all.lines.size());
    all.structures.push_back(structure);
  }
  all.lines.insert(all.lines.end(), made.lines.begin(), made.lines.end());
  all.area_unit.insert(all.area_unit.end(), made.area_unit.begin(), made.area_unit.end());
  std::move(crystals.begin(), crystals.end(), std::back_inserter(crystals_));
  there_ = std::make_unique<StructuresThere>(backend_, std::move(all));
}

namespace {

ModelParameters parameters_of(const MixtureModel& model, bool of_prior) {
  const auto& shared = of_prior ? model.shared_prior : model.shared;
  ModelParameters result{.zero = shared[0],
                         .displacement = shared[1],
                         .background = {shared.begin() + shared_parameters, shared.end()},
                         .phases = {}};
  for (const ModelPhase& phase : model.phases)
    result.phases.push_back(of_prior ? phase.prior : phase.parameters);
  return result;
}

void take(const ModelParameters& from, MixtureModel& to) {
  to.shared[0] = from.zero;
  to.shared[1] = from.displacement;
  std::copy(from.background.begin(), from.background.end(), to.shared.begin() + shared_parameters);
  for (std::size_t i = 0; i < to.phases.size(); ++i)
    to.phases[i].parameters = from.phases[i];
}

}  // namespace

std::vector<ModelFit> refine_models(Backend& backend, const RefinementPattern::OnGrid& grid,
                                    const StructurePool& pool, const RefinementLevel& level,
                                    std::span<MixtureModel> models, bool with_calculated, bool linear_start) {
  std::vector<ModelFit> fits(models.size());
  if (models.empty()) return fits;
  std::vector<std::vector<std::int32_t>> of_phase;
  std::vector<ModelParameters> parameters, prior;
  for (const MixtureModel& model : models) {
    auto& places = of_phase.emplace_back();
    for (const ModelPhase& phase : model.phases)
      places.push_back(phase.place);
    parameters.push_back(parameters_of(model, false));
    prior.push_back(parameters_of(model, true));
  }
  ModelRules rules = rules_of(level);
  rules.linear_start = linear_start;
  ModelRun run(backend, grid, seen_at(level, grid.pattern), pool.there());
  auto refined = run.refine(rules, of_phase, parameters, prior,
                            with_calculated ? ModelRun::Details::calculated : ModelRun::Details::none);
  for (std::size_t m = 0; m < models.size(); ++m) {
    take(parameters[m], models[m]);
    fits[m] = {refined[m].figures, std::move(refined[m].calculated)};
  }
  return fits;
}

double zmv_weight(const StructurePool& pool, const ModelPhase& phase) {
  const RefinedStructure& structure = pool.refined(phase.place);
  if (!(pool.area_unit(phase.place) > 0)) return 0;  // no line lies there
  const xrd::Crystal& crystal = pool.crystal(phase.place);
  const double mass = crystal.density() * crystal.cell.volume();
  const double volume = refined_cell(structure, phase.parameters.data() + strain_at).volume();
  return double{phase.parameters[scale_at]} / pool.area_unit(phase.place) *
         mean_of_texture(structure, phase.parameters.data() + texture_at) * mass * volume;
}

}  // namespace bragg::data
