// The layers of the models at 230 classes: the shapes that matter.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/ops/passes.h"

namespace bragg::bench {

struct Layer {
  std::string name;  ///< "scnn/conv2"
  LayerProblem problem;
};

/// Every distinct layer of SCNN, NPCNN, MLP and resnet (of 1,700 points) for a batch of N.
inline std::vector<Layer> layers(std::int64_t N) {
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
      {"resnet/stem", Conv1dProblem{N, 1700, 1, 48, 16, 4, 6, 6}},
      {"resnet/block1", Conv1dProblem{N, 425, 48, 48, 5, 1, 2, 2}},
      {"resnet/norm1", BatchNormProblem{N, 425, 48}},
      {"resnet/add1", AddProblem{N, 425, 48}},
      {"resnet/down2", Conv1dProblem{N, 425, 48, 64, 4, 2, 1, 1}},
      {"resnet/block2", Conv1dProblem{N, 212, 64, 64, 5, 1, 2, 2}},
      {"resnet/norm2", BatchNormProblem{N, 212, 64}},
      {"resnet/add2", AddProblem{N, 212, 64}},
      {"resnet/down3", Conv1dProblem{N, 212, 64, 96, 4, 2, 1, 1}},
      {"resnet/block3", Conv1dProblem{N, 106, 96, 96, 5, 1, 2, 2}},
      {"resnet/norm3", BatchNormProblem{N, 106, 96}},
      {"resnet/add3", AddProblem{N, 106, 96}},
      {"resnet/bottleneck", Conv1dProblem{N, 106, 96, 48, 1, 1}},
      {"resnet/dense1", DenseProblem{N, 5088, 768}},
      {"resnet/dense2", DenseProblem{N, 768, 384}},
      {"resnet/dense3", DenseProblem{N, 384, 230}},
      {"resnet/dense4", DenseProblem{N, 384, 7}},
  };
}

/// The cases of bench_kernels that a training step of a model runs in bf16 on a GPU with wgmma: its layers and the update of its
/// dense weights. The loss, Adam on the other parameters and the drawing of patterns are left out.
struct TrainingStep {
  std::string model;
  std::vector<std::string> cases;
};
inline std::vector<TrainingStep> training_steps() {
  const std::vector<std::string> dense_behind_convolutions{
      "scnn/dense2/forward", "scnn/dense2/backward_data", "scnn/dense2/backward_weights_adam",
      "scnn/dense3/forward", "scnn/dense3/backward_data", "scnn/dense3/backward_weights_adam"};
  std::vector<TrainingStep> steps{
      {"scnn",
       {"scnn/conv1_pool/forward", "scnn/conv1_pool/backward", "scnn/conv1/backward_weights",
        "scnn/pool2/forward", "scnn/pool2/backward", "scnn/pool3/forward", "scnn/pool3/backward"}},
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
  }
  return steps;
}

}  // namespace bragg::bench
