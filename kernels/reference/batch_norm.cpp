// Batch normalisation, two passes for the statistics.
#include <cmath>

#include "kernels/reference/epilogue.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

/// Calls visit(n, offset within the item) for every element of channel c.
template <typename Visit>
void for_channel(const BatchNormProblem& p, std::int64_t c, const Visit& visit) {
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t t = 0; t < p.L; ++t)
      visit(n, t * p.C + c);
  }
}

/// dst = epilogue((src - mean) * inverse_deviation * scale + shift + addend), for both forms of the op.
template <typename Op>
void normalise(const Op& op, std::int64_t c, double mean, double inverse_deviation) {
  const BatchNormProblem& p = op.problem;
  for_channel(p, c, [&](std::int64_t n, std::int64_t i) {
    double y =
        (op.src.template item<double>(n)[i] - mean) * inverse_deviation * op.scale.template as<double>()[c] +
        op.shift.template as<double>()[c];
    if (op.addend.data) y += op.addend.template item<double>(n)[i];
    op.dst.template item<double>(n)[i] = apply(op.epilogue, y, n * p.L + i / p.C, c, p.C);
  });
}

}  // namespace

void ReferenceBackend::run_op(const BatchNormForward& op) {
  const BatchNormProblem& p = op.problem;
  const auto rows = static_cast<double>(p.rows());
  for (std::int64_t c = 0; c < p.C; ++c) {
    double sum = 0, squares = 0;
    for_channel(p, c, [&](std::int64_t n, std::int64_t i) { sum += op.src.item<double>(n)[i]; });
    const double mean = sum / rows;
    for_channel(p, c, [&](std::int64_t n, std::int64_t i) {
      const double deviation = op.src.item<double>(n)[i] - mean;
      squares += deviation * deviation;
    });
    const double inverse_deviation = 1 / std::sqrt(squares / rows + p.epsilon);
    op.mean.as<double>()[c] = mean;
    op.inverse_deviation.as<double>()[c] = inverse_deviation;
    const auto move = [&](Tensor running, double to) {
      double& value = running.as<double>()[c];
      value = (1 - p.momentum) * value + p.momentum * to;
    };
    move(op.running_mean, mean);
    move(op.running_variance, squares / (rows - 1));
    normalise(op, c, mean, inverse_deviation);
  }
}

void ReferenceBackend::run_op(const BatchNormBackward& op) {
  const BatchNormProblem& p = op.problem;
  const auto rows = static_cast<double>(p.rows());
  for (std::int64_t c = 0; c < p.C; ++c) {
    const double mean = op.mean.as<double>()[c], inverse_deviation = op.inverse_deviation.as<double>()[c];
    const auto x = [&](std::int64_t n, std::int64_t i) {
      return (op.src.item<double>(n)[i] - mean) * inverse_deviation;
    };
    double diff_shift = 0, diff_scale = 0;
    for_channel(p, c, [&](std::int64_t n, std::int64_t i) {
      diff_shift += op.diff_dst.item<double>(n)[i];
      diff_scale += op.diff_dst.item<double>(n)[i] * x(n, i);
    });
    op.diff_shift.as<double>()[c] = diff_shift;
    op.diff_scale.as<double>()[c] = diff_scale;
    if (!op.diff_src.data) continue;
    for_channel(p, c, [&](std::int64_t n, std::int64_t i) {
      const double gradient = op.diff_dst.item<double>(n)[i] - (diff_shift + x(n, i) * diff_scale) / rows;
      op.diff_src.item<double>(n)[i] =
          op.scale.as<double>()[c] * inverse_deviation * gradient * derivative(op.relu, n, i);
    });
  }
}

void ReferenceBackend::run_op(const BatchNormInference& op) {
  for (std::int64_t c = 0; c < op.problem.C; ++c) {
    const double variance = op.running_variance.as<double>()[c];
    normalise(op, c, op.running_mean.as<double>()[c], 1 / std::sqrt(variance + op.problem.epsilon));
  }
}

void ReferenceBackend::run_op(const BatchNormFold& op) {
  const BatchNormFoldProblem& p = op.problem;
  for (std::int64_t c = 0; c < p.C; ++c) {
    const double factor =
        op.scale.as<double>()[c] / std::sqrt(op.running_variance.as<double>()[c] + p.epsilon);
    for (std::int64_t k = 0; k < p.K; ++k)
      op.folded_weights.as<double>()[c * p.K + k] = op.weights.as<double>()[c * p.K + k] * factor;
    const double bias = op.bias ? op.bias.as<double>()[c] : 0;
    op.folded_bias.as<double>()[c] =
        (bias - op.running_mean.as<double>()[c]) * factor + op.shift.as<double>()[c];
  }
}

}  // namespace bragg::reference
