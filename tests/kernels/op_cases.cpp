#include "tests/kernels/op_cases.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/base/bfloat16.h"

namespace bragg::tests {
namespace {

constexpr const char* relu_src = "ReLU gradient's src";

/// Of a layer with weights.
template <typename O>
concept IsProduct = requires(const O& op) {
  op.problem.weights_extent();
};

/// Numbers that are added up in an element of a result, at most.
std::int64_t terms(const Conv1dForward& op) {
  return op.problem.kernel * op.problem.C_in;
}
std::int64_t terms(const Conv1dBackwardData& op) {
  return op.problem.backward_taps() * op.problem.C_out;
}
std::int64_t terms(const Conv1dBackwardWeights& op) {
  return op.problem.N * op.problem.L_out();
}
std::int64_t terms(const DenseForward& op) {
  return op.problem.in;
}
std::int64_t terms(const DenseBackwardData& op) {
  return op.problem.out;
}
std::int64_t terms(const DenseBackwardWeights& op) {
  return op.problem.N;
}
std::int64_t terms(const AvgPool1dForward& op) {
  return op.problem.kernel;
}
std::int64_t terms(const AvgPool1dBackward& op) {
  return op.problem.kernel;
}
std::int64_t terms(const AddForward&) {
  return 3;  // with the bias
}
std::int64_t terms(const AddBackward&) {
  return 2;
}

bool is_named(const NetworkOp& any, const std::string& name) {
  return std::visit([&](const auto& op) { return name == op.name; }, any);
}

bool has_operand(const NetworkOp& any, const std::string& name) {
  const std::vector<OperandShape> all = operands_of(any);
  return std::any_of(all.begin(), all.end(), [&](const OperandShape& one) { return name == one.info.name; });
}

/// Another for every name.
std::uint32_t seed_of(const std::string& name) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

template <typename O>
std::vector<OpCase> with_epilogues(const O& op, float dropout, bool less) {
  if constexpr (!requires { op.epilogue; })
    return {{op, {}, {}}};
  else {
    O relu = op;
    relu.epilogue.relu = true;
    O dropped = relu;
    dropped.epilogue.dropout = {.p = dropout, .seed = 7, .layer = 2, .state = {}};
    const Operands bias = has_operand(op, "bias") ? Operands{{"bias", {}}} : Operands{};
    constexpr std::uint64_t late = 5000000000;  // beyond 32 bits
    std::vector<OpCase> cases{{op, {}, {}}, {op, bias, {}}, {dropped, bias, {.step = late}}};
    if (less) return cases;
    cases.push_back({relu, bias, {}});
    cases.push_back({dropped, {}, {.step = 9}});
    return cases;
  }
}

template <typename O>
std::vector<OpCase> with_every_choice(const O& op, float dropout, bool less) {
  std::vector<OpCase> cases = with_epilogues(op, dropout, less);
  if constexpr (requires { op.relu; }) {
    O through = op;
    through.relu.p = dropout;
    cases.push_back({through, {{relu_src, {}}}, {}});
  }
  for (const auto& [info, count] : operands_of(op)) {
    const std::string name = info.name;
    if (info.type == NumberType::element_or_precise) cases.push_back({op, {{"bias", {}}}, {.precise = true}});
    if (!info.is_optional || name == relu_src || info.type == NumberType::i32) continue;
    if (requires { op.epilogue; } && name == "bias") continue;
    for (std::size_t i = 0, without = cases.size(); i < without; ++i) {
      cases.push_back(cases[i]);
      cases.back().given[name] = {};
    }
  }
  return cases;
}

Numbers numbers_for(const OperandShape& operand, Fill fill) {
  const std::string name = operand.info.name;
  if (operand.info.type == NumberType::i32) return Numbers(static_cast<std::size_t>(operand.count));
  Numbers values = fill == Fill::integers ? integers(operand.count, seed_of(name))
                                          : uniforms(operand.count, seed_of(name));
  const bool of_squares = name == "v" || name == "running_variance";
  return of_squares ? absolute(std::move(values)) : values;
}

}  // namespace

/// With `before` and `after` rows of zeros around src.
static Conv1dProblem padded(Conv1dProblem p, std::int64_t before, std::int64_t after) {
  p.pad_before = before;
  p.pad_after = after;
  return p;
}

const std::vector<LayerProblem>& sums() {
  static const std::vector<LayerProblem> problems{
      Conv1dProblem{.N = 1, .L_in = 1, .C_in = 1, .C_out = 1, .kernel = 1, .stride = 1},
      Conv1dProblem{.N = 3, .L_in = 7, .C_in = 1, .C_out = 1, .kernel = 1, .stride = 1},
      // stride > kernel: rows nobody reads
      Conv1dProblem{.N = 2, .L_in = 11, .C_in = 3, .C_out = 5, .kernel = 1, .stride = 3},
      Conv1dProblem{.N = 2, .L_in = 23, .C_in = 2, .C_out = 7, .kernel = 3, .stride = 5},
      // one output
      Conv1dProblem{.N = 5, .L_in = 13, .C_in = 4, .C_out = 15, .kernel = 13, .stride = 2},
      Conv1dProblem{.N = 2, .L_in = 29, .C_in = 7, .C_out = 16, .kernel = 5, .stride = 1},
      // L_in no multiple of the stride
      Conv1dProblem{.N = 3, .L_in = 31, .C_in = 5, .C_out = 17, .kernel = 4, .stride = 2},
      Conv1dProblem{.N = 7, .L_in = 17, .C_in = 1, .C_out = 31, .kernel = 6, .stride = 4},
      Conv1dProblem{.N = 1, .L_in = 101, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5},
      Conv1dProblem{.N = 2, .L_in = 203, .C_in = 1, .C_out = 33, .kernel = 100, .stride = 5},
      // several outputs to a row, the last row cut
      Conv1dProblem{.N = 3, .L_in = 181, .C_in = 1, .C_out = 40, .kernel = 30, .stride = 5},
      Conv1dProblem{.N = 2, .L_in = 61, .C_in = 80, .C_out = 80, .kernel = 25, .stride = 2},
      Conv1dProblem{.N = 1, .L_in = 54, .C_in = 80, .C_out = 79, .kernel = 50, .stride = 5},
      // several groups of columns
      Conv1dProblem{.N = 2, .L_in = 9, .C_in = 80, .C_out = 300, .kernel = 2, .stride = 3},
      // K of the weights' gradient in parts
      Conv1dProblem{.N = 7, .L_in = 900, .C_in = 2, .C_out = 3, .kernel = 4, .stride = 1},
      // Padded: by as much as the kernel allows, by no multiple of the stride, on one side, and so that windows
      // do not reach the end.
      padded({.N = 3, .L_in = 1, .C_in = 3, .C_out = 2, .kernel = 3, .stride = 1}, 1, 1),
      padded({.N = 2, .L_in = 29, .C_in = 7, .C_out = 16, .kernel = 5, .stride = 1}, 2, 2),
      padded({.N = 3, .L_in = 31, .C_in = 5, .C_out = 17, .kernel = 4, .stride = 2}, 1, 1),
      padded({.N = 2, .L_in = 53, .C_in = 1, .C_out = 48, .kernel = 16, .stride = 4}, 6, 6),
      padded({.N = 2, .L_in = 20, .C_in = 8, .C_out = 24, .kernel = 7, .stride = 3}, 6, 0),
      padded({.N = 3, .L_in = 22, .C_in = 8, .C_out = 8, .kernel = 2, .stride = 4}, 0, 1),
      padded({.N = 2, .L_in = 26, .C_in = 16, .C_out = 8, .kernel = 5, .stride = 4}, 3, 4),
      padded({.N = 2, .L_in = 8, .C_in = 2, .C_out = 2, .kernel = 5, .stride = 3}, 4, 2),
      DenseProblem{.N = 1, .in = 1, .out = 1},
      DenseProblem{.N = 2, .in = 3, .out = 7},
      DenseProblem{.N = 15, .in = 5, .out = 6},
      DenseProblem{.N = 16, .in = 31, .out = 97},
      DenseProblem{.N = 17, .in = 129, .out = 47},
      DenseProblem{.N = 64, .in = 257, .out = 130},
      DenseProblem{.N = 3, .in = 1201, .out = 11},
      DenseProblem{.N = 300, .in = 37, .out = 230},
      DenseProblem{.N = 1, .in = 530, .out = 7},
      DenseProblem{.N = 700, .in = 19, .out = 13},
      AvgPool1dProblem{.N = 1, .L_in = 1, .C = 1, .kernel = 1, .stride = 1},
      AvgPool1dProblem{.N = 2, .L_in = 7, .C = 3, .kernel = 2, .stride = 3},
      AvgPool1dProblem{.N = 3, .L_in = 11, .C = 8, .kernel = 4, .stride = 1},
      AvgPool1dProblem{.N = 2, .L_in = 12, .C = 17, .kernel = 3, .stride = 2},
      AvgPool1dProblem{.N = 1, .L_in = 16, .C = 80, .kernel = 2, .stride = 5},
      AvgPool1dProblem{.N = 2, .L_in = 5, .C = 31, .kernel = 5, .stride = 4},
      AvgPool1dProblem{.N = 2, .L_in = 9, .C = 16, .kernel = 3, .stride = 2, .pad_before = 1, .pad_after = 1},
      AvgPool1dProblem{.N = 3, .L_in = 10, .C = 5, .kernel = 4, .stride = 3, .pad_before = 3, .pad_after = 0},
      AvgPool1dProblem{.N = 1, .L_in = 7, .C = 8, .kernel = 3, .stride = 1, .pad_before = 0, .pad_after = 2},
      AvgPool1dProblem{.N = 2, .L_in = 8, .C = 2, .kernel = 4, .stride = 3, .pad_before = 2, .pad_after = 3},
      AddProblem{.N = 1, .L = 1, .C = 1},
      AddProblem{.N = 1, .L = 9, .C = 6},
      AddProblem{.N = 3, .L = 7, .C = 5},
      AddProblem{.N = 2, .L = 11, .C = 80},
      AddProblem{.N = 5, .L = 3, .C = 33},
      AddProblem{.N = 2, .L = 300, .C = 16},
  };
  return problems;
}

std::vector<LayerProblem> norms(bool less) {
  std::vector<LayerProblem> problems{
      BatchNormProblem{.N = 1, .L = 2, .C = 1},
      BatchNormProblem{.N = 2, .L = 1, .C = 3},
      BatchNormProblem{.N = 3, .L = 7, .C = 5},
      BatchNormProblem{.N = 2, .L = 11, .C = 80, .epsilon = 0.25, .momentum = 1},
      BatchNormProblem{.N = 5, .L = 3, .C = 33},
      BatchNormProblem{.N = 301, .L = 1, .C = 7},
      // parts of items
      BatchNormProblem{.N = 1, .L = 1300, .C = 2},
      // more channels than a block has threads
      BatchNormProblem{.N = 3, .L = 2, .C = 300},
      BatchNormFoldProblem{.C = 1, .K = 1},
      BatchNormFoldProblem{.C = 7, .K = 13},
      BatchNormFoldProblem{.C = 33, .K = 300, .epsilon = 0.5},
  };
  if (!less) {
    problems.emplace_back(BatchNormProblem{.N = 2, .L = 331, .C = 48});
    problems.emplace_back(BatchNormProblem{.N = 1, .L = 5000, .C = 2});
    // more channels than a block of rows has numbers
    problems.emplace_back(BatchNormProblem{.N = 2, .L = 2, .C = 4099});
  }
  return problems;
}

std::vector<LayerProblem> large_layers(bool less) {
  return {Conv1dProblem{3, 203, 3, 37, 21, 4},
          Conv1dProblem{2, less ? 700 : 4000, 1, 80, less ? 10 : 100, 1},
          DenseProblem{37, less ? 130 : 700, less ? 90 : 331},
          AvgPool1dProblem{3, less ? 41 : 203, 37, 3, 2},
          AddProblem{3, less ? 41 : 203, 37},
          BatchNormProblem{3, less ? 41 : 203, 37},
          BatchNormFoldProblem{37, 105},
          SoftmaxCrossEntropyProblem{.N = 37, .classes = 19},
          SoftmaxCrossEntropyProblem{.N = 300, .classes = 7, .label_smoothing = 0.1},
          HuberLossProblem{.N = 370, .outputs = 3},
          NormProblem{.count = 200003},
          AdamProblem{.count = 200000},
          EmaProblem{.count = 200000}};
}

std::vector<std::string> names_of_sums() {
  std::vector<std::string> names;
  for (const LayerProblem& problem : sums())
    for (const LayerPass& pass : passes(problem)) {
      const std::string name = std::visit([](const auto& op) { return op.name; }, pass.op);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  return names;
}

std::vector<OpCase> cases_of(const LayerProblem& problem, float dropout, bool less) {
  std::vector<OpCase> all;
  for (const LayerPass& pass : passes(problem))
    std::visit(
        [&](const auto& op) {
          const std::vector<OpCase> more = with_every_choice(op, dropout, less);
          all.insert(all.end(), more.begin(), more.end());
        },
        pass.op);
  return all;
}

std::vector<OpCase> cases_of_sums(const std::string& name, float dropout, bool less) {
  std::vector<OpCase> all;
  for (const LayerProblem& problem : sums())
    for (OpCase& one : cases_of(problem, dropout, less))
      if (is_named(one.op, name)) all.push_back(std::move(one));
  return all;
}

Operands filled(const OpCase& one, Fill fill, const NumberTypes& types) {
  Operands numbers = one.given;
  for (const OperandShape& operand : operands_of(one.op)) {
    const OperandInfo& info = operand.info;
    const bool is_struct =
        info.type == NumberType::state || info.type == NumberType::totals || info.type == NumberType::f64;
    if (info.role == Role::out || is_struct) continue;
    const auto given = numbers.find(info.name);
    if (given == numbers.end() ? info.is_optional : !given->second.empty()) continue;
    Numbers& values = numbers[info.name] = numbers_for(operand, fill);
    if (type_of(info.type, types, types.element) != DType::bf16) continue;
    for (double& x : values)
      x = to_float(to_bfloat16(static_cast<float>(x)));
  }
  return numbers;
}

Operands magnitudes(Operands numbers) {
  for (auto& [name, values] : numbers)
    if (name != relu_src) values = absolute(std::move(values));
  return numbers;
}

bool is_exact_on_integers(const OpCase& one) {
  return std::visit(
      [](const auto& op) {
        if constexpr (!IsProduct<decltype(op)> && requires { op.problem.kernel; })
          return (op.problem.kernel & (op.problem.kernel - 1)) == 0;
        else
          return true;
      },
      one.op);
}

Rounding rounding_of(const NetworkOp& any, const std::string& result) {
  return std::visit(
      [&](const auto& op) -> Rounding {
        using O = std::remove_cvref_t<decltype(op)>;
        if constexpr (requires { terms(op); }) {
          const std::int64_t K = terms(op);
          // Within a block of at most 512, then over blocks and parts.
          if (IsProduct<O>)
            return {static_cast<double>(std::min<std::int64_t>(K, 512) + K / 64 + 8), result != "diff_bias"};
          return {static_cast<double>(K + 4), false};
        } else {
          throw std::runtime_error(std::string(O::name) + ": nobody says how many terms it sums");
        }
      },
      any);
}

}  // namespace bragg::tests
