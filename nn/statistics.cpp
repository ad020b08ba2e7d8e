#include "nn/statistics.h"

#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/ops/step_state.h"
#include "nn/network.h"

namespace bragg::nn {

bool take_statistics(Backend& backend, const Model& model, Parameters& parameters, BatchSource& source,
                     const StatisticsOptions& options) {
  if (options.batches < 1) throw UsageError(fmt::format("[statistics] batches {} < 1", options.batches));
  if (parameters.statistics_table().empty()) return false;
  Network network(backend, model, parameters, {.N = options.N, .mode = Mode::statistics});
  const Buffer state = backend.allocate(sizeof(StepState));
  bool moved = false;
  std::vector<double> sums(parameters.download(parameters.statistics()).size());
  for (std::int64_t batch = 0; batch < options.batches; ++batch) {
    const StepState here{0, options.first_index + static_cast<std::uint64_t>(batch * options.N)};
    backend.upload(&here, state.data(), sizeof here);
    moved = source.prepare(backend, here) || moved;
    source.enqueue(backend, {state.data(), DType::u64}, network.input(), network.labels());
    network.forward();
    const std::vector<float> of_batch = parameters.download(parameters.statistics());
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += double{of_batch[i]};
  }
  std::vector<float> means;
  for (const double sum : sums)
    means.push_back(static_cast<float>(sum / static_cast<double>(options.batches)));
  parameters.upload(means, parameters.statistics());
  return moved;
}

}  // namespace bragg::nn
