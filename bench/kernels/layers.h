// The layers of the models at 230 classes: the shapes that matter.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/ops/passes.h"

namespace bragg::bench {

struct Layer {
  std::string name;  ///< "scnn/conv2"
  LayerProblem problem;
  std::optional<float> dropout = std::nullopt;  ///< none: that of the papers' layers
  std::vector<std::string> without = {};        ///< optional operands that its ops do not have
};

/// Every distinct layer of SCNN, NPCNN, MLP and resnet (of 1,700 points) for a batch of N.
inline std::vector<Layer> layers(std::int64_t N) {
  const std::string relu_src = "ReLU gradient's src";  // of what a convolution made there is none
  return {
      {"scnn/conv1", Conv1dProblem{N, 8500, 1, 80, 100, 5}},  // npcnn/conv1 too
      {"scnn/pool1", AvgPool1dProblem{N, 1681, 80, 3, 2}},
      {"scnn/conv2", Conv1dProblem{N, 840, 80, 80, 50, 5}},
      {"scnn/pool2", AvgPool1dProblem{N, 159, 80, 3, 1}},
      {"scnn/conv3", Conv1dProblem{N, 157, 80, 80, 25, 2}},
      {"scnn/pool3", AvgPool1dProblem{N, 67, 80, 3, 1}},
      {"scnn/dense1", DenseProblem{N, 5200, 2300}},
      {"scnn/dense2", DenseProblem{N, 2300, 1150}},  // npcnn/dense2 too
      {"scnn/dense3", DenseProblem{N, 1150, 230}},   // npcnn/dense3 too
      {"npcnn/conv2", Conv1dProblem{N, 1681, 80, 80, 50, 5}},
      {"npcnn/conv3", Conv1dProblem{N, 327, 80, 80, 25, 2}},
      {"npcnn/dense1", DenseProblem{N, 12160, 2300}},
      {"mlp/dense1", DenseProblem{N, 8500, 4000}},
      {"mlp/dense2", DenseProblem{N, 4000, 3000}},
      {"mlp/dense3", DenseProblem{N, 3000, 1000}},
      {"mlp/dense4", DenseProblem{N, 1000, 800}},
      {"mlp/dense5", DenseProblem{N, 800, 230}},
      {"resnet/stem", Conv1dProblem{N, 1700, 1, 48, 16, 4, 6, 6}, 0},
      {"resnet/norm1", BatchNormProblem{N, 425, 48}, 0, {"addend", relu_src}},
      {"resnet/block1", Conv1dProblem{N, 425, 48, 48, 5, 1, 2, 2}, 0},
      {"resnet/sum1", BatchNormProblem{N, 425, 48}, 0, {relu_src}},
      {"resnet/add1", AddProblem{N, 425, 48}, 0},
      {"resnet/down2", Conv1dProblem{N, 425, 48, 64, 4, 2, 1, 1}, 0},
      {"resnet/norm2", BatchNormProblem{N, 212, 64}, 0, {"addend", relu_src}},
      {"resnet/block2", Conv1dProblem{N, 212, 64, 64, 5, 1, 2, 2}, 0},
      {"resnet/sum2", BatchNormProblem{N, 212, 64}, 0, {relu_src}},
      {"resnet/add2", AddProblem{N, 212, 64}, 0},
      {"resnet/down3", Conv1dProblem{N, 212, 64, 96, 4, 2, 1, 1}, 0},
      {"resnet/norm3", BatchNormProblem{N, 106, 96}, 0, {"addend", relu_src}},
      {"resnet/block3", Conv1dProblem{N, 106, 96, 96, 5, 1, 2, 2}, 0},
      {"resnet/sum3", BatchNormProblem{N, 106, 96}, 0, {relu_src}},
      {"resnet/add3", AddProblem{N, 106, 96}, 0},
      {"resnet/bottleneck", Conv1dProblem{N, 106, 96, 48, 1, 1}},
      {"resnet/dense1", DenseProblem{N, 5088, 768}, 0.3f},
      {"resnet/dense2", DenseProblem{N, 768, 384}, 0.3f},
      {"resnet/dense3", DenseProblem{N, 384, 230}, 0},
      {"resnet/dense4", DenseProblem{N, 384, 7}, 0},
  };
}

/// Of resnet's convolutions and normalisations whether one is next to the other: in a block a normalisation without an addend lies
/// behind the first convolution, and before the second, behind which is one with an addend.
inline bool are_neighbours(const std::string& convolution, const std::string& norm) {
  const std::vector<std::pair<const char*, std::vector<const char*>>> all{
      {"stem", {"norm1"}},           {"block1", {"norm1", "sum1"}}, {"down2", {"sum1", "norm2"}},
      {"block2", {"norm2", "sum2"}}, {"down3", {"sum2", "norm3"}},  {"block3", {"norm3", "sum3"}},
      {"bottleneck", {"sum3"}},
  };
  for (const auto& [name, norms] : all)
    for (const char* const other : norms)
      if (convolution == fmt::format("resnet/{}", name) && norm == fmt::format("resnet/{}", other))
        return true;
  return false;
}
/// Whether something is added between neighbours: forward what comes round a block to what its second convolution made, backward its
/// gradient to that of the first.
inline bool have_addend(const std::string& convolution, const std::string& norm) {
  return convolution.find("block") != std::string::npos && norm.find("sum") != std::string::npos;
}
/// "resnet/block1_norm1"
inline std::string normalised_name(const std::string& convolution, const std::string& norm) {
  return convolution + "_" + norm.substr(norm.find('/') + 1);
}

/// The cases of bench_kernels that a training step of a model runs in bf16 on a GPU with wgmma: its layers and the update of its
/// dense weights. The loss, Adam on the other parameters and the drawing of patterns are left out.
struct TrainingStep {
  std::string model;
  std::vector<std::string> cases;
  /// Of the update of large dense weights, and what runs beside it (kernels/cuda/side_branch.h).
  std::vector<std::string> branch = {}, beside = {};

  /// Moves the updates of these dense layers to the branch, and beside it what comes after the first of them: the gradients that are not
  /// of dense layers, and `more`.
  void run_beside(std::initializer_list<std::string> updates, std::initializer_list<std::string> more = {}) {
    for (const std::string& layer : updates)
      move(layer + "/backward_weights_adam", branch);
    for (const std::string& name : more)
      move(name, beside);
    const auto gradients = std::stable_partition(cases.begin(), cases.end(), [](const std::string& name) {
      return name.find("/backward") == std::string::npos || name.find("/dense") != std::string::npos;
    });
    beside.insert(beside.end(), gradients, cases.end());
    cases.erase(gradients, cases.end());
  }

 private:
  void move(const std::string& name, std::vector<std::string>& to) {
    const std::size_t moved = std::erase(cases, name);
    if (moved == 0) throw Error(fmt::format("{}: the step has no {}", model, name));
    to.insert(to.end(), moved, name);
  }
};
/// What the convolutions of resnet do for the normalisations next to them: nothing; take their sums; and, those of a block, make what
/// the ones before them would have stored.
enum class Normalising { alone, sums, as_read };

/// resnet's. The gradients of convolutions are counted with the ReLU that most of them have.
inline TrainingStep resnet_step(Normalising way) {
  const bool fused = way != Normalising::alone, as_read = way == Normalising::as_read;
  TrainingStep step{as_read ? "resnet"
                    : fused ? "resnet, normalised behind convolutions"
                            : "resnet, no sums in convolutions",
                    {}};
  const auto add = [&](const std::string& layer, std::initializer_list<const char*> passes) {
    for (const char* pass : passes)
      step.cases.push_back(fmt::format("resnet/{}/{}", layer, pass));
  };
  const auto forward = [&](const std::string& convolution, const std::string& norm) {
    if (fused) return add(normalised_name(convolution, norm), {"forward"});
    add(convolution, {"forward"});
    add(norm, {"forward"});
  };
  const auto backward = [&](const std::string& norm, const std::string& convolution) {
    if (fused) return add(normalised_name(convolution, norm), {"backward"});
    add(convolution, {"backward_data"});
    add(norm, {"backward"});
  };
  for (const int stage : {1, 2, 3}) {
    const auto of_stage = [&](const char* name) { return fmt::format("{}{}", name, stage); };
    const std::string first = stage == 1 ? "stem" : of_stage("down"), block = of_stage("block"),
                      norm = of_stage("norm"), sum = of_stage("sum"),
                      next = stage == 3 ? "bottleneck" : fmt::format("down{}", stage + 1);
    if (as_read) {
      add(normalised_name(first, norm), {"forward_not_stored"});
      add(normalised_name(block, norm), {"forward_normalised_not_stored", "backward_of_normalised"});
      add(normalised_name(block, sum), {"forward_normalised", "backward_of_normalised",
                                        "backward_weights_normalised", "backward_weights_normalised"});
    } else {
      forward(first, norm);
      forward(block, norm);
      forward(block, sum);
      backward(norm, block);
      add(block, {"backward_weights", "backward_weights"});
    }
    backward(sum, next);
    if (fused && !as_read) add(normalised_name(block, sum), {"backward"});
    if (!fused) {
      add(block, {"backward_data"});
      add(of_stage("add"), {"backward"});
      add(norm, {"backward"});
    }
    add(first, {"backward_weights"});
  }
  add("bottleneck", {"forward", "backward_weights"});
  for (const char* layer : {"dense1", "dense2", "dense3", "dense4"})
    add(layer, {"forward", "backward_data", "backward_weights_adam"});
  if (fused) step.run_beside({"resnet/dense1"});
  return step;
}

inline std::vector<TrainingStep> training_steps() {
  const std::vector<std::string> dense_behind_convolutions{
      "scnn/dense2/forward", "scnn/dense2/backward_data", "scnn/dense2/backward_weights_adam",
      "scnn/dense3/forward", "scnn/dense3/backward_data", "scnn/dense3/backward_weights_adam"};
  std::vector<TrainingStep> steps{
      {"scnn",
       {"scnn/conv1_pool/forward", "scnn/conv1_pool/backward_weights", "scnn/pool2/forward",
        "scnn/pool2/backward", "scnn/pool3/forward", "scnn/pool3/backward"}},
      {"npcnn", {"scnn/conv1/forward", "scnn/conv1/backward_weights"}},
      {"mlp", {"mlp/dense1/forward", "mlp/dense1/backward_weights_adam"}}};
  for (TrainingStep& step : steps) {
    const auto add = [&](const std::string& layer, const std::string& weights) {
      for (const std::string& pass : {std::string("forward"), std::string("backward_data"), weights})
        step.cases.push_back(fmt::format("{}/{}/{}", step.model, layer, pass));
    };
    if (step.model == "mlp") {
      for (const char* layer : {"dense2", "dense3", "dense4", "dense5"})
        add(layer, "backward_weights_adam");
      continue;
    }
    for (const char* layer : {"conv2", "conv3"})
      add(layer, "backward_weights");
    add("dense1", "backward_weights_adam");
    step.cases.insert(step.cases.end(), dense_behind_convolutions.begin(), dense_behind_convolutions.end());
    step.run_beside({step.model + "/dense1", "scnn/dense2"}, {step.model + "/dense1/backward_data"});
  }
  for (const Normalising way : {Normalising::alone, Normalising::sums, Normalising::as_read})
    steps.push_back(resnet_step(way));
  return steps;
}

}  // namespace bragg::bench
