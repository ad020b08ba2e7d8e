// The one list of cases of the ops of networks: shapes of every layer, the ops of its passes
// (kernels/ops/passes.h), and what each may be given.
#pragma once

#include <string>
#include <vector>

#include "kernels/ops/passes.h"
#include "tests/kernels/op_runner.h"

namespace bragg::tests {

/// An op and what it is given. Numbers left empty are to be filled.
struct OpCase {
  NetworkOp op;
  Operands given;
  RunOptions options;
};

/// Layers that sum, products or numbers: their ops are exact on small integers and bounded elsewhere.
const std::vector<LayerProblem>& sums();
/// Normalisations, whose ops are bounded on numbers (batch_norm_test.cpp); `less`: for an emulated device.
std::vector<LayerProblem> norms(bool less);
/// Layers long enough for a sum in parts and for several threads, of every kind; `less`: for an emulated device.
std::vector<LayerProblem> large_layers(bool less);
/// The names of the ops of sums(): "conv1d_forward" ...
std::vector<std::string> names_of_sums();

/// The ops of a layer with every choice of what they may be given: epilogues (`less`: fewer), the ReLU whose
/// gradient they take, operands that are optional, logits. `dropout`: its p, where there is one.
std::vector<OpCase> cases_of(const LayerProblem&, float dropout, bool less = false);
/// All of sums() whose op has that name.
std::vector<OpCase> cases_of_sums(const std::string& name, float dropout, bool less = false);

enum class Fill { integers, uniforms };
/// What is given and, by the operand's name, numbers for every other input, as `types` keep them. Labels are 0.
Operands filled(const OpCase&, Fill, const NumberTypes& types);
/// The inputs' magnitudes, but for a ReLU's src, whose sign is a choice.
Operands magnitudes(Operands);

/// Whether sums of integers below 5 come out exactly: of a mean only where its window is a power of 2.
bool is_exact_on_integers(const OpCase&);
/// How a result of one of sums() is rounded on its way.
struct Rounding {
  double roundings;  ///< the longest chain
  bool of_products;
};
Rounding rounding_of(const NetworkOp&, const std::string& result);

}  // namespace bragg::tests
