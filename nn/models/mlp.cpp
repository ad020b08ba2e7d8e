// MLP of Salgado et al. 2023 ("Deep learning architecture"):
//
//              width   dropout
//   dense1      4000       0.6
//   dense2      3000       0.5
//   dense3      1000       0.4
//   dense4       800       0.3
//   dense5   classes
#include "nn/model.h"

namespace bragg::nn {

Model mlp(const ModelConfig& given) {
  ModelConfig paper;
  paper.dense = {4000, 3000, 1000, 800};
  paper.dense_dropout = {0.6, 0.5, 0.4, 0.3};

  Model model(with_defaults(given, paper));
  classify(model, model.graph.input());
  return model;
}

}  // namespace bragg::nn
