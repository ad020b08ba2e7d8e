#include "tests/apps/identification_samples.h"

#include <cmath>

namespace bragg::apps::tests {
namespace {

Candidate quartz_candidate() {
  Candidate candidate;
  candidate.structure = 7;
  candidate.name = "quartz";
  candidate.formula = "SiO2";
  candidate.space_group = 154;
  candidate.cell = {4.9137, 4.9137, 5.4047, 90, 90, 120};
  candidate.cell_change = {0.001, 0.001, -0.002};
  candidate.residual = 0.125;
  candidate.explained = 0.75;
  candidate.similarity = 0.953;
  candidate.probability = 0.91;
  candidate.source = "AMCSD";
  candidate.entry = "0000789";
  candidate.lines = {{20.86, 0.21, {1, 0, 0}}, {26.64, 1, {1, 0, 1}}, {36.54, 0.08, {1, 1, 0}}};
  candidate.variants = {"quartz low (152)", "berlinite (152)"};
  return candidate;
}

Candidate hostile_candidate() {
  Candidate candidate;
  candidate.structure = 8;
  candidate.name = hostile_name;
  candidate.formula = "Ca2Si";
  candidate.space_group = 62;
  candidate.cell = {7.667, 4.799, 9.002, 90, 90, 90};
  candidate.similarity = 0.5124;
  candidate.probability = 0.04;
  candidate.source = "+source";
  candidate.entry = "@entry";
  candidate.calculated = true;
  candidate.lines = {{31.2, 1, {1, 1, -2}}, {95, 0.5, {3, 0, 1}}, {40, 0.005, {0, 0, 4}}};
  return candidate;
}

}  // namespace

Identification quartz() {
  Identification answer;
  answer.file = "scans/quartz.xy";
  answer.assumed.wavelength = Assumed::Wavelength{1.5406, WavelengthFrom::file, {}, {}};
  answer.warnings = {"the first warning", "-the second, with a comma"};
  answer.crystal_system = {0, 0.01, 0.04, 0, 0.95, 0, 0};
  answer.space_groups = {{152, 0.94}, {62, 0.05}, {14, 0.01}};
  answer.phases = {quartz_candidate()};
  answer.candidates = {quartz_candidate(), hostile_candidate()};
  answer.first = 5;
  answer.step = 0.05;
  for (int i = 0; i <= 1700; ++i) {
    const double two_theta = answer.first + answer.step * i;
    double value = 0.02;
    for (const data::CalculatedLine& line : answer.phases.front().lines)
      value += 0.98 * line.intensity * std::exp(-std::pow((two_theta - line.two_theta) / 0.1, 2));
    answer.values.push_back(static_cast<float>(value));
  }
  return answer;
}

Identification quartz_and_calcite() {
  Identification answer = quartz();
  Candidate calcite = answer.phases.front(), aragonite;
  calcite.name = "calcite";
  calcite.formula = "CaCO3";
  calcite.space_group = 167;
  calcite.weight_fraction = 0.25;
  answer.phases.front().weight_fraction = 0.75;
  answer.phases.push_back(calcite);
  aragonite.name = "aragonite";
  aragonite.formula = "CaCO3";
  aragonite.space_group = 62;
  aragonite.source = "AMCSD";
  aragonite.entry = "0000098";
  answer.hypotheses = {{{quartz_candidate(), aragonite}, 0.131}};
  return answer;
}

Identification unknown_phase() {
  Identification answer = quartz();
  answer.file = "strange.xy";
  answer.index = 3;
  answer.no_match = NoMatch::unknown_phase;
  answer.reason = "the most alike structure has a similarity of 0.51";
  answer.phases.clear();
  answer.space_groups = {{62, 0.4}, {14, 0.35}, {152, 0.25}};
  return answer;
}

Identification refused_file() {
  Identification answer;
  answer.file = "broken.txt";
  answer.refused = "broken.txt:2: intensity nan";
  return answer;
}

}  // namespace bragg::apps::tests
