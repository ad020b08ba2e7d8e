// What a classifier got right: plain functions of labels and predicted probabilities.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "nn/batch_source.h"
#include "nn/network.h"

namespace bragg::nn {

/// Probabilities (patterns, classes), row-major, and the true labels.
struct Predictions {
  std::int64_t patterns = 0;
  int classes = 0;
  std::vector<float> probabilities;
  std::vector<std::int32_t> labels;

  std::span<const float> row(std::int64_t i) const { return {&probabilities[i * classes], static_cast<std::size_t>(classes)}; }
};

/// Runs the network (inference) over the whole source, the last batch padded.
Predictions predict(Backend&, Network&, FiniteSource&);
/// Softmax of one row of logits, stable.
std::vector<float> softmax(std::span<const float> logits);

struct ClassMetrics {
  std::int64_t count = 0, predicted = 0, correct = 0;
  double precision = 0, recall = 0, f1 = 0;  ///< 0 where undefined
};

struct Metrics {
  std::int64_t patterns = 0;
  double accuracy = 0;
  double top5 = 0;
  double macro_f1 = 0;  ///< over the classes that occur among the labels
  std::vector<ClassMetrics> per_class;
  std::vector<std::int64_t> confusion;  ///< (true, predicted), classes x classes
};

Metrics evaluate(const Predictions&);
/// 95 % Wilson interval of a proportion.
struct Interval {
  double low, high;
};
Interval wilson(std::int64_t correct, std::int64_t count);

}  // namespace bragg::nn
