// The statistics of normalisations taken anew: for weights that no step has trained with, as averages of weights are.
#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "nn/batch_source.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::nn {

struct StatisticsOptions {
  std::int64_t N = 256;  ///< patterns of a batch: the source is planned for so many
  std::int64_t batches = 24;
  std::uint64_t first_index = 0;  ///< of the first batch's patterns; batches follow one another
};

/// Sets Parameters::statistics() to the mean, in double, of what `batches` batches have, by the weights that are there:
/// forward passes without dropout, every batch normalised by itself (torch.optim.swa_utils.update_bn). A model without
/// statistics is left as it is. Returns whether memory of the source has moved (BatchSource::prepare): what was
/// recorded with it must be recorded anew. Throws UsageError for fewer than one batch.
bool take_statistics(Backend&, const Model&, Parameters&, BatchSource&, const StatisticsOptions&);

}  // namespace bragg::nn
