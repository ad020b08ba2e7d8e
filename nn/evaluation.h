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

  std::span<const float> row(std::int64_t i) const {
    return {probabilities.data() + i * classes, static_cast<std::size_t>(classes)};
  }
};

/// The logits of a pattern, head by head, and its label.
using VisitHeads = std::function<void(const std::vector<std::span<const float>>& logits, std::int32_t label)>;
/// Runs the network (inference) over the whole source, which it plans for the network's batch, and hands over
/// the logits pattern by pattern, in order. The last batch is padded with whatever the source gives beyond
/// its size.
void for_each_pattern(Backend&, Network&, FiniteSource&, const VisitHeads&);
/// Of the first head alone.
void for_each_pattern(Backend&, Network&, FiniteSource&,
                      const std::function<void(std::span<const float> logits, std::int32_t label)>&);
/// The first head's as probabilities. Throws Error naming the first pattern whose logits are not finite.
Predictions predict(Backend&, Network&, FiniteSource&);
/// Softmax of one row of logits, stable.
std::vector<float> softmax(std::span<const float> logits);
/// -log softmax(logits)[label], in double, stable. NaN for a label outside the classes.
double cross_entropy(std::span<const float> logits, std::int32_t label);
/// The class of the largest value; of equals the lowest.
int arg_max(std::span<const float> values);

struct ClassMetrics {
  std::int64_t count = 0, predicted = 0, correct = 0;
  double precision = 0, recall = 0, f1 = 0;  ///< 0 where undefined
};

struct Metrics {
  std::int64_t patterns = 0;
  double accuracy = 0;  ///< of equal probabilities the lowest class counts as the answer
  double top5 = 0;      ///< the label is among the five answers
  double macro_f1 = 0;  ///< over the classes that occur among the labels
  std::vector<ClassMetrics> per_class;
  std::vector<std::int64_t> confusion;  ///< (true, predicted), classes x classes
};

/// Throws Error naming the pattern for a label outside the classes or a probability that is NaN.
Metrics evaluate(const Predictions&);

struct Interval {
  double low, high;
};
/// 95 % Wilson score interval of a proportion (E. B. Wilson 1927); 0..1 where count is 0.
Interval wilson(std::int64_t correct, std::int64_t count);

}  // namespace bragg::nn
