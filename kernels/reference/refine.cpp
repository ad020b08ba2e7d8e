// Refinement of models, as RefineProblem says: all derivatives of all points in memory, one line after the other.
#include "kernels/ops/refine.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/crystal/levenberg_marquardt.h"
#include "kernels/crystal/refinement_figures.h"
#include "kernels/crystal/refinement_model.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

constexpr double ln2 = 0.69314718055994531;

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// The profile of unit area and its derivatives.
struct Profile {
  double value, by_position, by_ln_width, by_share;
};
Profile profile_at(double away, double width, double share) {
  const double t = away / width;
  const double gaussian = gaussian_height / width * std::exp(-4 * ln2 * t * t),
               lorentz = lorentz_height / width / (1 + 4 * t * t);
  const double value = (1 - share) * gaussian + share * lorentz;
  const double slope = (1 - share) * gaussian * 8 * ln2 * t + share * lorentz * 8 * t / (1 + 4 * t * t);
  return {value, slope / width, t * slope - value, lorentz - gaussian};
}

class Model {
 public:
  Model(const Refine& op, std::int64_t model)
      : p_(op.problem),
        pattern_(op.pattern.as<RefinedPattern>()[op.model_pattern.as<std::int32_t>()[model]]),
        y_(op.y.as<float>() + op.model_pattern.as<std::int32_t>()[model] * p_.points),
        weight_(op.weight.as<float>() + op.model_pattern.as<std::int32_t>()[model] * p_.points),
        lines_(op.line.as<RefinedLine>()) {
    for (std::int32_t phase = op.phase_offset.as<std::int32_t>()[model];
         phase < op.phase_offset.as<std::int32_t>()[model + 1]; ++phase) {
      structures_.push_back(
          &op.structure.as<RefinedStructure>()[op.phase_structure.as<std::int32_t>()[phase]]);
      freedom_.push_back(structures_.back()->freedom());
    }
    columns_ = refined_columns(p_, freedom_);
    derivative_.assign(index(p_.shared() + std::ssize(structures_) * phase_parameters),
                       std::vector<double>(index(p_.points)));
    calculated_.resize(index(p_.points));
  }

  std::span<const RefinedColumn> columns() const { return columns_; }
  const RefinedPattern& pattern() const { return pattern_; }
  std::span<const double> calculated() const { return calculated_; }

  void evaluate(std::span<const double> parameters, NormalEquations& equations) {
    draw(parameters);
    const std::size_t n = columns_.size();
    equations.matrix.assign(n * n, 0);
    equations.gradient.assign(n, 0);
    equations.chi_squared = 0;
    for (std::int64_t i = pattern_.first; i < pattern_.end; ++i) {
      const double w = double{weight_[i]}, rest = double{y_[i]} - calculated_[index(i)];
      equations.chi_squared += w * rest * rest;
      for (std::size_t a = 0; a < n; ++a) {
        const double by_a = derivative_[index(columns_[a].parameter)][index(i)];
        equations.gradient[a] += w * rest * by_a;
        for (std::size_t b = 0; b < n; ++b)
          equations.matrix[a * n + b] += w * by_a * derivative_[index(columns_[b].parameter)][index(i)];
      }
    }
  }

 private:
  /// The pattern and its derivatives by every parameter, free or not.
  void draw(std::span<const double> parameters) {
    for (std::vector<double>& row : derivative_)
      std::fill(row.begin(), row.end(), 0.0);
    std::fill(calculated_.begin(), calculated_.end(), 0.0);
    for (std::int64_t i = pattern_.first; i < pattern_.end; ++i) {
      const double x = chebyshev_variable<double>(pattern_, i);
      double polynomial = 1, next = x;
      for (std::int64_t t = 0; t < p_.terms; ++t) {
        derivative_[index(shared_parameters + t)][index(i)] = polynomial;
        calculated_[index(i)] += parameters[index(shared_parameters + t)] * polynomial;
        const double after = 2 * x * next - polynomial;
        polynomial = next;
        next = after;
      }
    }
    for (std::int64_t phase = 0; phase < std::ssize(structures_); ++phase)
      draw_phase(parameters, phase);
  }

  void draw_phase(std::span<const double> parameters, std::int64_t phase) {
    const RefinedStructure& structure = *structures_[index(phase)];
    const std::int64_t base = p_.shared() + phase * phase_parameters;
    const double* const own = parameters.data() + base;
    const int doublet = pattern_.second_share > 0 ? 2 : 1;
    struct Line {
      ShapedLine<double> shape;
      LineForms<double> forms;
    };
    std::vector<Line> lines;
    double highest = 0;
    for (int which = 0; which < doublet; ++which) {
      const double shares = 1 + (doublet == 2 ? double{pattern_.second_share} : 0);
      const LineSettings<double> settings{.zero = parameters[0],
                                          .displacement = parameters[1],
                                          .damping = own[damping_at],
                                          .ln_fwhm = own[ln_fwhm_at],
                                          .fwhm_slope = own[fwhm_slope_at],
                                          .wavelength = double{pattern_.wavelength[which]},
                                          .share = (which == 0 ? 1 : double{pattern_.second_share}) / shares,
                                          .blur = p_.blur};
      for (std::int32_t l = structure.first_line; l < structure.first_line + structure.lines; ++l) {
        if (lines_[l].rank >= p_.lines_per_phase) continue;
        const auto moved = moved_line<double>(structure, lines_[l], own);
        const Line line{.shape = shaped_line(settings, moved.forms.q, moved.area, moved.texture_sum),
                        .forms = moved.forms};
        if (!line.shape.is_reached) continue;
        highest = std::max(highest, line.shape.area / line.shape.width);
        lines.push_back(line);
      }
    }
    const double share = own[lorentz_share_at];
    for (const Line& line : lines) {
      const ShapedLine<double>& s = line.shape;
      const double relative = highest > 0 ? s.area / s.width / highest : 0;
      const double reach = reach_of(share, relative, p_.tail_cut) * s.width;
      // Clipped before they are whole numbers: a line of a trial that runs away may reach beyond those.
      const auto point_at = [&](double two_theta) { return (two_theta - pattern_.start) / pattern_.step; };
      const auto first = static_cast<std::int64_t>(std::max(
          double(pattern_.first), std::ceil(std::min(point_at(s.position - reach), double(pattern_.end)))));
      const auto last = static_cast<std::int64_t>(std::min(
          pattern_.end - 1.0, std::floor(std::max(point_at(s.position + reach), pattern_.first - 1.0))));
      for (std::int64_t i = first; i <= last; ++i) {
        const double away = pattern_.start + static_cast<double>(i) * pattern_.step - s.position;
        add_point(parameters, base, structure, line.forms, s, profile_at(away, s.width, share), i);
      }
    }
  }

  void add_point(std::span<const double> parameters, std::int64_t base, const RefinedStructure& structure,
                 const LineForms<double>& forms, const ShapedLine<double>& s, const Profile& profile,
                 std::int64_t i) {
    const double* const own = parameters.data() + base;
    const double scale = own[scale_at], value = s.area * profile.value;
    const auto add = [&](std::int64_t parameter, double derivative) {
      derivative_[index(parameter)][index(i)] += derivative;
    };
    calculated_[index(i)] += scale * value;
    const double by_position = scale * s.area * profile.by_position,
                 by_ln_width = scale * s.area * profile.by_ln_width, scaled = scale * value;
    add(0, by_position);
    add(1, by_position * s.cosine);
    add(base + scale_at, value);
    const double by_q =
        scaled * s.ln_area_by_q + by_position * s.position_by_q + by_ln_width * s.ln_width_by_q;
    for (int j = 0; j < structure.strains; ++j)
      add(base + strain_at + j, by_q * forms.strain[j]);
    for (int j = 0; j < structure.textures(); ++j)
      add(base + texture_at + j, -2 * scaled * forms.texture[j]);
    add(base + damping_at, -scaled * forms.q / 2);
    add(base + ln_fwhm_at, by_ln_width * s.fwhm_share);
    add(base + fwhm_slope_at, by_ln_width * s.fwhm_share * s.away);
    add(base + lorentz_share_at, scale * s.area * profile.by_share);
  }

  const RefineProblem& p_;
  const RefinedPattern& pattern_;
  const float *y_, *weight_;
  const RefinedLine* lines_;
  std::vector<const RefinedStructure*> structures_;
  std::vector<PhaseFreedom> freedom_;
  std::vector<RefinedColumn> columns_;
  std::vector<std::vector<double>> derivative_;  ///< by parameter
  std::vector<double> calculated_;
};

}  // namespace

void ReferenceBackend::run_op(const Refine& op) {
  const RefineProblem& p = op.problem;
  check_refine_indices(op);
  for (std::int64_t m = 0; m < p.models; ++m) {
    Model model(op, m);
    const std::int32_t phase = op.phase_offset.as<std::int32_t>()[m],
                       phases = op.phase_offset.as<std::int32_t>()[m + 1] - phase;
    const std::int64_t at = m * p.shared() + std::int64_t{phase} * phase_parameters,
                       count = p.shared() + std::int64_t{phases} * phase_parameters;
    float* const parameters = op.parameters.as<float>() + at;
    std::vector<double> moved(parameters, parameters + count);
    const RefinedModel found = refine_model(
        p, model.columns(), {op.prior.as<float>() + at, index(count)}, moved,
        [&](std::span<const double> tried, NormalEquations& equations) { model.evaluate(tried, equations); });
    NormalEquations at_end;
    model.evaluate(moved, at_end);  // draws what was found once more
    std::transform(moved.begin(), moved.end(), parameters,
                   [](double value) { return static_cast<float>(value); });
    const std::int64_t pattern = op.model_pattern.as<std::int32_t>()[m];
    std::vector<float> calculated(model.calculated().begin(), model.calculated().end());
    op.figures.as<RefinedFigures>()[m] =
        refined_figures_of(p, model.pattern(), op.y.as<float>() + pattern * p.points,
                           op.weight.as<float>() + pattern * p.points, calculated.data(), moved.data());
    op.figures.as<RefinedFigures>()[m].objective = static_cast<float>(found.objective);
    op.figures.as<RefinedFigures>()[m].iterations = static_cast<float>(found.iterations);
    if (op.calculated)
      std::copy(calculated.begin(), calculated.end(), op.calculated.as<float>() + m * p.points);
    if (op.curvature) {
      const std::int64_t size = p.parameters_per_model();
      put_curvature(p, model.columns(), found.at_end, size, op.curvature.as<double>() + m * size * size);
    }
  }
}

}  // namespace bragg::reference
