#include "kernels/ops/batch_norm.h"

#include <limits>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// That of a normalisation: a bias would be one more shift.
void check_epilogue(const Check& check, const BatchNormProblem& p, const Epilogue& epilogue) {
  if (epilogue.bias) check.fail("takes no bias beside its shift");
  epilogue.check(check, p.rows(), p.C);
}

}  // namespace

void BatchNormProblem::validate() const {
  require_at_least("batch_norm", "N", N, 0);
  require_at_least("batch_norm", "L", L, 1);
  require_at_least("batch_norm", "C", C, 1);
  require_within("batch_norm", "epsilon", epsilon, 0, infinity);
  if (!(momentum > 0 && momentum <= 1))
    throw ProblemError(fmt::format("[batch_norm] momentum {} outside (0, 1]", momentum));
}

std::string BatchNormProblem::text() const {
  return fmt::format("N {} L {} C {}", N, L, C);
}

void BatchNormForward::check_more(const Check& check) const {
  if (problem.N > 0 && problem.rows() < 2)
    check.fail(fmt::format("N {} x L {} < 2 rows: no variance", problem.N, problem.L));
  check_epilogue(check, problem, epilogue);
}

void BatchNormInference::check_more(const Check& check) const {
  check_epilogue(check, problem, epilogue);
}

void BatchNormFoldProblem::validate() const {
  require_at_least("batch_norm_fold", "C", C, 1);
  require_at_least("batch_norm_fold", "K", K, 1);
  require_within("batch_norm_fold", "epsilon", epsilon, 0, infinity);
}

std::string BatchNormFoldProblem::text() const {
  return fmt::format("C {} K {}", C, K);
}

}  // namespace bragg
