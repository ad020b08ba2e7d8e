// A BatchSource of patterns held in a table on the backend: what apps/ does with stored patterns, small.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/random.h"
#include "kernels/ops/rows.h"
#include "nn/batch_source.h"

namespace bragg::tests {

/// `rows` (size, points) and their labels; drawn uniformly (training) or taken in order.
class TableSource : public nn::FiniteSource {
 public:
  TableSource(std::int64_t points, std::vector<float> rows, std::vector<std::int32_t> labels,
              SampleRowsProblem::Order order, std::uint32_t seed = 1)
      : points_(points), rows_(std::move(rows)), labels_(std::move(labels)), order_(order), seed_(seed) {}

  std::int64_t points() const override { return points_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }

  void plan(Backend& backend, std::int64_t N) override {
    N_ = N;
    std::vector<std::int32_t> candidates(labels_.size());
    for (std::size_t i = 0; i < candidates.size(); ++i)
      candidates[i] = static_cast<std::int32_t>(i);
    table_ = uploaded(backend, rows_);
    table_labels_ = uploaded(backend, labels_);
    candidates_ = uploaded(backend, candidates);
    drawn_ = backend.allocate(static_cast<std::size_t>(N) * sizeof(std::int32_t));
  }

  void enqueue(Backend& backend, ConstTensor state, const Activations& patterns, Tensor labels) override {
    const Tensor drawn{drawn_.data(), DType::i32};
    backend.run(SampleRows{{N_, size(), order_, seed_}, {candidates_.data(), DType::i32}, state, drawn});
    backend.run(GatherRows{{N_, size(), points_, 1}, {table_.data(), DType::f32}, drawn, patterns});
    backend.run(GatherRows{{N_, size(), 1, 1},
                           {table_labels_.data(), DType::i32},
                           drawn,
                           {labels.data, DType::i32, N_, 1, 1, 1}});
  }

 private:
  template <typename T>
  static Buffer uploaded(Backend& backend, const std::vector<T>& values) {
    Buffer buffer = backend.allocate(values.size() * sizeof(T));
    backend.upload(values.data(), buffer.data(), values.size() * sizeof(T));
    return buffer;
  }

  std::int64_t points_, N_ = 0;
  std::vector<float> rows_;
  std::vector<std::int32_t> labels_;
  SampleRowsProblem::Order order_;
  std::uint32_t seed_;
  Buffer table_, table_labels_, candidates_, drawn_;
};

/// Pattern `index` of make_loss_list.py: u^8, which has peaks.
inline std::vector<float> test_pattern(std::int64_t points, std::uint32_t seed, std::uint64_t index) {
  std::vector<float> x(static_cast<std::size_t>(points));
  for (std::size_t t = 0; t < x.size(); ++t) {
    const auto words = random_call(seed, RandomStream::test, static_cast<std::uint32_t>(t / 4), 0, index);
    float u = uniform01(words[t % 4]);
    for (int i = 0; i < 3; ++i)
      u *= u;
    x[t] = u;
  }
  return x;
}

inline std::int32_t test_label(int classes, std::uint32_t seed, std::uint64_t index) {
  const auto words = random_call(seed, RandomStream::test, 0, 1, index);
  return static_cast<std::int32_t>(uniform_below(words[0], static_cast<std::uint64_t>(classes)));
}

/// Patterns 0 .. count - 1 with their labels.
inline TableSource test_source(std::int64_t points, int classes, std::int64_t count,
                               SampleRowsProblem::Order order, std::uint32_t seed) {
  std::vector<float> rows;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = test_pattern(points, seed, static_cast<std::uint64_t>(i));
    rows.insert(rows.end(), row.begin(), row.end());
    labels.push_back(test_label(classes, seed, static_cast<std::uint64_t>(i)));
  }
  return {points, std::move(rows), std::move(labels), order, seed};
}

}  // namespace bragg::tests
