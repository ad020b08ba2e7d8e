// PyTorch's default initialisation of nn.Conv1d and nn.Linear, from our own random numbers:
//   weights  kaiming_uniform_ with a = sqrt(5), which is uniform in +-1/sqrt(fan_in)
//   bias     uniform in the same interval
// and of nn.BatchNorm1d.
#include <cmath>

#include "kernels/base/random.h"
#include "nn/parameters.h"

namespace bragg::nn {

static void fill(Parameters& parameters, Tensor arena, const ParameterInfo& info) {
  parameters.upload(std::vector<float>(static_cast<std::size_t>(info.count()), info.initial), arena, info);
}

void initialise(Parameters& parameters, std::uint32_t seed) {
  for (const ParameterInfo& info : parameters.statistics_table())
    fill(parameters, parameters.statistics(), info);
  std::uint32_t tensor = 0;
  for (const ParameterInfo& info : parameters.table()) {
    const std::uint32_t number = tensor++;
    if (info.role == ParameterRole::scale || info.role == ParameterRole::shift) {
      fill(parameters, parameters.weights(), info);
      continue;
    }
    std::vector<float> values(static_cast<std::size_t>(info.count()));
    const double bound = 1 / std::sqrt(static_cast<double>(info.fan_in));
    for (std::size_t e = 0; e < values.size(); e += 4) {
      const Philox4 words =
          random_call(seed, RandomStream::init, static_cast<std::uint32_t>(e / 4), number, 0);
      for (std::size_t i = 0; i < 4 && e + i < values.size(); ++i)
        values[e + i] = static_cast<float>((2 * double{uniform01(words[i])} - 1) * bound);
    }
    parameters.upload(values, parameters.weights(), info);
  }
}

}  // namespace bragg::nn
