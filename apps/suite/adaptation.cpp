#include "apps/suite/adaptation.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/base/random.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/step_state.h"
#include "nn/checkpoint.h"
#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"

namespace bragg::apps {
namespace {

/// `count` rows of `size`, all of them before any comes again, each time in another order.
std::vector<std::size_t> shuffled_rows(std::size_t size, std::size_t count, std::uint32_t seed) {
  std::vector<std::size_t> rows;
  for (std::uint32_t epoch = 0; rows.size() < count; ++epoch) {
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto key = [&](std::size_t i) { return random_call(seed, RandomStream::split, epoch, 1, i)[0]; };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    rows.insert(rows.end(), order.begin(), order.end());
  }
  rows.resize(count);
  return rows;
}

nn::Optimizer optimizer_of(const AdaptationSettings& settings, std::int64_t steps) {
  nn::Optimizer optimizer{.learning_rate = settings.learning_rate};
  optimizer.learning_rate.schedule = LearningRate::Schedule::linear_decay;
  optimizer.learning_rate.decay_begin = 0;
  optimizer.learning_rate.end = static_cast<std::uint64_t>(steps);
  optimizer.weight_decay = settings.weight_decay;
  optimizer.clip_norm = settings.clip_norm;
  return optimizer;
}

}  // namespace

std::unique_ptr<Classifier> adapted(Backend& backend, const Classifier& original, const SafetensorsFile& file,
                                    std::span<const std::vector<float>> patterns,
                                    std::span<const int> space_groups, const AdaptationSettings& settings) {
  const ModelFacts& facts = original.facts();
  const auto size = static_cast<std::int64_t>(patterns.size());
  const std::int64_t batch = std::min(settings.batch, size);
  const std::int64_t steps = (settings.epochs * size + batch - 1) / batch;
  nn::Parameters parameters(backend, original.model(), nn::Parameters::Use::training);
  nn::load_weights(file, parameters);
  if (steps > 0) {
    const Buffer state_memory = backend.allocate(sizeof(StepState));
    const Tensor state{state_memory.data(), DType::u64};
    nn::Network network(backend, original.model(), parameters,
                        {batch, nn::Mode::training, settings.seed, state, optimizer_of(settings, steps), {}});
    const StepState begin{0, 0};
    backend.upload(&begin, state_memory.data(), sizeof begin);
    const std::vector<std::size_t> rows =
        shuffled_rows(patterns.size(), static_cast<std::size_t>(steps * batch), settings.seed);
    for (std::int64_t step = 0; step < steps; ++step) {
      std::vector<std::vector<float>> drawn;
      std::vector<std::int32_t> labels;
      for (std::int64_t n = 0; n < batch; ++n) {
        const std::size_t row = rows[static_cast<std::size_t>(step * batch + n)];
        drawn.push_back(patterns[row]);
        labels.push_back(class_of(space_groups[row], facts.classes));
      }
      upload_patterns(backend, facts, drawn, network.input());
      backend.upload(labels.data(), network.labels().data, labels.size() * sizeof(std::int32_t));
      network.forward();
      network.loss();
      network.backward();
      network.update();
      backend.run(Advance{batch, state});
    }
    backend.synchronize();
  }
  return std::make_unique<Classifier>(backend, original, std::move(parameters));
}

}  // namespace bragg::apps
