#include "kernels/crystal/levenberg_marquardt.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace bragg {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

class Minimisation {
 public:
  Minimisation(const RefineProblem& p, std::span<const RefinedColumn> columns, std::span<const float> prior)
      : p_(p), columns_(columns), prior_(prior) {}

  double objective(std::span<const double> parameters, const NormalEquations& equations) const {
    double sum = p_.data_weight * equations.chi_squared;
    for (const RefinedColumn& column : columns_) {
      const RefinedRule& rule = p_.rule_of(column.kind);
      if (!(rule.deviation > 0)) continue;
      const double away = (parameters[index(column.parameter)] - prior_of(column)) / rule.deviation;
      sum += away * away;
    }
    return sum;
  }

  /// Which lie at a bound that the gradient pushes them over.
  std::vector<std::uint8_t> pushed_out(std::span<const double> parameters,
                                       const NormalEquations& equations) const {
    std::vector<std::uint8_t> pushed;
    for (std::int64_t i = 0; i < std::ssize(columns_); ++i) {
      const RefinedRule& rule = rule_of(i);
      const double value = parameters[index(columns_[index(i)].parameter)],
                   gradient = gradient_at(i, value, equations);
      pushed.push_back((value <= rule.low && gradient < 0) || (value >= rule.high && gradient > 0));
    }
    return pushed;
  }

  /// A step of the parameters in `moved`, or none where the equations can't be solved.
  bool step(std::span<double> parameters, const NormalEquations& equations, std::vector<std::uint8_t> moved,
            double damping) const {
    const auto n = std::ssize(columns_);
    std::vector<double> gradient(index(n)), diagonal(index(n));
    const std::vector<std::uint8_t> pushed = pushed_out(parameters, equations);
    for (std::int64_t i = 0; i < n; ++i) {
      const double deviation = rule_of(i).deviation;
      gradient[index(i)] = gradient_at(i, parameters[index(columns_[index(i)].parameter)], equations);
      diagonal[index(i)] = p_.data_weight * equations.matrix[index(i * n + i)];
      if (deviation > 0) diagonal[index(i)] += 1 / (deviation * deviation);
      // What changes nothing can't be moved either.
      if (pushed[index(i)] != 0 || !(diagonal[index(i)] > 0)) moved[index(i)] = 0;
    }
    std::vector<std::int64_t> free;
    for (std::int64_t i = 0; i < n; ++i)
      if (moved[index(i)] != 0) free.push_back(i);
    const auto m = std::ssize(free);
    if (m == 0) return false;
    std::vector<double> matrix(index(m * m)), change(index(m));
    for (std::int64_t a = 0; a < m; ++a) {
      const std::int64_t i = free[index(a)];
      for (std::int64_t b = 0; b < a; ++b)
        matrix[index(a * m + b)] = p_.data_weight * equations.matrix[index(i * n + free[index(b)])];
      matrix[index(a * m + a)] = (1 + damping) * diagonal[index(i)];
      change[index(a)] = gradient[index(i)];
    }
    if (!solve_cholesky(matrix, change)) return false;
    for (std::int64_t a = 0; a < m; ++a) {
      const RefinedRule& rule = rule_of(free[index(a)]);
      double& value = parameters[index(columns_[index(free[index(a)])].parameter)];
      value = std::clamp(value + std::clamp(change[index(a)], -rule.step, rule.step), rule.low, rule.high);
    }
    return true;
  }

 private:
  const RefinedRule& rule_of(std::int64_t column) const { return p_.rule_of(columns_[index(column)].kind); }
  /// Minus half of what Q changes with a column's parameter.
  double gradient_at(std::int64_t column, double value, const NormalEquations& equations) const {
    const double deviation = rule_of(column).deviation,
                 of_data = p_.data_weight * equations.gradient[index(column)];
    if (!(deviation > 0)) return of_data;
    return of_data + (prior_of(columns_[index(column)]) - value) / (deviation * deviation);
  }
  double prior_of(const RefinedColumn& column) const { return double{prior_[index(column.parameter)]}; }

  const RefineProblem& p_;
  std::span<const RefinedColumn> columns_;
  std::span<const float> prior_;
};

}  // namespace

std::vector<RefinedColumn> refined_columns(const RefineProblem& p, std::span<const PhaseFreedom> phases) {
  std::vector<RefinedColumn> columns;
  const std::int64_t parameters = p.shared() + std::ssize(phases) * phase_parameters;
  for (std::int64_t i = 0; i < parameters; ++i) {
    const PhaseFreedom of =
        i < p.shared() ? PhaseFreedom{} : phases[index((i - p.shared()) / phase_parameters)];
    const int kind = free_kind_of(p, i, of);
    if (kind >= 0) columns.push_back({static_cast<std::int32_t>(i), static_cast<RefinedKind>(kind)});
  }
  return columns;
}

RefinedModel refine_model(const RefineProblem& p, std::span<const RefinedColumn> columns,
                          std::span<const float> prior, std::span<double> parameters,
                          const std::function<void(std::span<const double>, NormalEquations&)>& evaluate) {
  const Minimisation minimisation(p, columns, prior);
  RefinedModel model;
  NormalEquations tried;
  evaluate(parameters, model.at_end);
  std::vector<std::uint8_t> all(columns.size(), 1);
  std::vector<double> trial(parameters.begin(), parameters.end());
  if (p.linear_start) {
    std::vector<std::uint8_t> linear;
    for (const RefinedColumn& column : columns)
      linear.push_back(column.is_linear());
    // Again where a scale came to its bound or leaves it: the others then have to make up for it.
    double least = minimisation.objective(parameters, model.at_end);
    NormalEquations at_trial = model.at_end;
    const auto held_at_trial = [&] {
      std::vector<std::uint8_t> held = minimisation.pushed_out(trial, at_trial);
      for (std::size_t i = 0; i < held.size(); ++i)
        held[i] &= linear[i];
      return held;
    };
    std::vector<std::uint8_t> held = held_at_trial();
    for (int pass = 0; pass < linear_passes; ++pass) {
      if (!minimisation.step(trial, at_trial, linear, 0)) break;
      evaluate(trial, at_trial);
      const double objective = minimisation.objective(trial, at_trial);
      if (objective < least) {
        least = objective;
        model.at_end = at_trial;
        std::copy(trial.begin(), trial.end(), parameters.begin());
      }
      const std::vector<std::uint8_t> held_before = std::exchange(held, held_at_trial());
      if (held == held_before) break;
    }
  }
  model.objective = minimisation.objective(parameters, model.at_end);
  double damping = p.first_damping;
  int falls = 0;
  for (; model.iterations < p.iterations && falls < small_falls && damping < most_damping;
       ++model.iterations) {
    std::copy(parameters.begin(), parameters.end(), trial.begin());
    if (!minimisation.step(trial, model.at_end, all, damping)) {
      damping *= damping_rise;
      continue;
    }
    evaluate(trial, tried);
    const double objective = minimisation.objective(trial, tried);
    if (!(objective < model.objective)) {
      damping *= damping_rise;
      continue;
    }
    falls = model.objective - objective < p.converged * model.objective ? falls + 1 : 0;
    model.objective = objective;
    std::swap(tried, model.at_end);
    std::copy(trial.begin(), trial.end(), parameters.begin());
    damping /= damping_fall;
  }
  return model;
}

void put_curvature(const RefineProblem& p, std::span<const RefinedColumn> columns,
                   const NormalEquations& equations, std::int64_t size, double* dst) {
  std::fill_n(dst, size * size, 0.0);
  const auto n = std::ssize(columns);
  for (std::int64_t i = 0; i < n; ++i) {
    double* const row = dst + columns[index(i)].parameter * size;
    for (std::int64_t j = 0; j < n; ++j)
      row[columns[index(j)].parameter] = p.data_weight * equations.matrix[index(i * n + j)];
    const double deviation = p.rule_of(columns[index(i)].kind).deviation;
    if (deviation > 0) row[columns[index(i)].parameter] += 1 / (deviation * deviation);
  }
}

bool solve_cholesky(std::vector<double>& matrix, std::vector<double>& b) {
  const auto n = std::ssize(b);
  for (std::int64_t i = 0; i < n; ++i) {
    double* const row = matrix.data() + i * n;
    for (std::int64_t j = 0; j <= i; ++j) {
      const double* const other = matrix.data() + j * n;
      double sum = row[j];
      for (std::int64_t k = 0; k < j; ++k)
        sum -= row[k] * other[k];
      if (j < i) {
        row[j] = sum / other[j];
      } else {
        if (!(sum > least_pivot * row[i])) return false;
        row[i] = std::sqrt(sum);
      }
    }
    double sum = b[index(i)];
    for (std::int64_t k = 0; k < i; ++k)
      sum -= row[k] * b[index(k)];
    b[index(i)] = sum / row[i];
  }
  for (std::int64_t i = n - 1; i >= 0; --i) {
    double sum = b[index(i)];
    for (std::int64_t k = i + 1; k < n; ++k)
      sum -= matrix[index(k * n + i)] * b[index(k)];
    b[index(i)] = sum / matrix[index(i * n + i)];
  }
  return true;
}

}  // namespace bragg
