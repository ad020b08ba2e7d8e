#include "apps/fit/mixture_json.h"

#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const MixturePhase& phase) {
  const data::FittedPhase& fitted = phase.fitted;
  const xrd::UnitCell& cell = fitted.cell;
  const int space_group = phase.structure.crystal.group.number;
  Json texture = Json::array();
  for (const data::FittedFigure& term : fitted.texture)
    texture.push_back(term.value);
  Json march;
  if (fitted.march)
    march = {{"axis", fitted.march->axis},
             {"r", fitted.march->r.value},
             {"r_uncertainty", fitted.march->r.uncertainty}};
  return {{"name", phase.structure.name},
          {"formula", phase.structure.formula},
          {"space_group", space_group},
          {"hm", xrd::hm_short(space_group)},
          {"source", phase.structure.source},
          {"entry", phase.structure.entry},
          {"cell", {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma}},
          {"cell_uncertainty", fitted.cell_uncertainty},
          {"cell_change", fitted.cell_change},
          {"weight_fraction", fitted.weight_fraction.value},
          {"weight_fraction_uncertainty", fitted.weight_fraction.uncertainty},
          {"scale", fitted.scale.value},
          {"fwhm", fitted.fwhm.value},
          {"lorentz_share", fitted.lorentz_share.value},
          {"texture", texture},
          {"march_dollase", march},
          {"b_overall", fitted.b_overall.value}};
}

}  // namespace

Json to_json(const Mixture& mixture) {
  Json json = {{"file", mixture.file},
               {"index", mixture.index},
               {"assumed", to_json(mixture.assumed)},
               {"warnings", mixture.warnings},
               {"refused", nullptr},
               {"residual", nullptr},
               {"chi_squared_per_degree", nullptr},
               {"zero", nullptr},
               {"displacement", nullptr},
               {"background", Json::array()},
               {"phases", Json::array()},
               {"assumes", mixture.assumes}};
  if (mixture.refused) {
    json["refused"] = *mixture.refused;
    return json;
  }
  const data::PhaseFit& fit = mixture.fit;
  json["residual"] = fit.residual;
  json["chi_squared_per_degree"] = fit.chi_squared_per_degree;
  json["zero"] = fit.zero.value;
  json["displacement"] = fit.displacement.value;
  json["background"] = fit.background;
  for (const MixturePhase& phase : mixture.phases)
    json["phases"].push_back(to_json(phase));
  return json;
}

std::string json_line(const Mixture& mixture) {
  return to_json(mixture).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bragg::apps
