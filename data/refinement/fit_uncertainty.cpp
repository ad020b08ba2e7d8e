#include "data/refinement/fit_uncertainty.h"

#include <algorithm>
#include <cmath>

#include "kernels/crystal/levenberg_marquardt.h"

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

FitCovariance::FitCovariance(std::span<const double> curvature, std::int64_t size,
                             const std::vector<bool>& is_moved)
    : size_(size), covariance_(index(size * size)) {
  std::vector<double> root(index(size));
  for (std::int64_t i = 0; i < size; ++i) {
    root[index(i)] = std::sqrt(curvature[index(i * size + i)]);
    if (is_moved[index(i)] && root[index(i)] > 0) moved_.push_back(i);
  }
  // Parameters are of very unequal sizes: the matrix that is inverted has ones on its diagonal.
  const std::size_t n = moved_.size();
  std::vector<double> scaled(n * n);
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b)
      scaled[a * n + b] =
          curvature[index(moved_[a] * size + moved_[b])] / (root[index(moved_[a])] * root[index(moved_[b])]);
  for (std::size_t a = 0; a < n; ++a) {
    std::vector<double> matrix = scaled, column(n);
    column[a] = 1;
    // Sums in floats leave a matrix of parameters that do the same a little less than positive.
    for (double ridge = 1e-9; !solve_cholesky(matrix, column) && ridge < 1; ridge *= 10) {
      matrix = scaled;
      column.assign(n, 0);
      column[a] = 1;
      for (std::size_t i = 0; i < n; ++i)
        matrix[i * n + i] += ridge;
    }
    for (std::size_t b = 0; b < n; ++b)
      covariance_[index(moved_[a] * size + moved_[b])] =
          column[b] / (root[index(moved_[a])] * root[index(moved_[b])]);
  }
}

double FitCovariance::uncertainty(std::int64_t parameter) const {
  return std::sqrt(std::max(at(parameter, parameter), 0.0));
}

double FitCovariance::uncertainty(std::span<const std::int64_t> parameter,
                                  std::span<const double> derivative) const {
  double variance = 0;
  for (std::size_t a = 0; a < parameter.size(); ++a)
    for (std::size_t b = 0; b < parameter.size(); ++b)
      variance += derivative[a] * derivative[b] * at(parameter[a], parameter[b]);
  return std::sqrt(std::max(variance, 0.0));
}

}  // namespace bragg::data
