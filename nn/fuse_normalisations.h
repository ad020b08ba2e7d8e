// Rewrites of a program (fuse.h) about batch normalisation in training: each tries op i and says whether it rewrote it.
#pragma once

#include <cstddef>

#include "nn/fusing.h"

namespace bragg::nn {

/// A normalisation whose result is added to something stores the sum, at the place of the addition.
bool add_into_normalisation(const Fusing&, std::size_t i);
/// A normalisation by its batch whose source is a convolution's result goes into the convolution, where the backend takes its
/// sums there: at the place of the normalisation, where its addend is known.
bool sums_into_convolution(const Fusing&, std::size_t i);
/// A normalisation's gradient whose sums can be taken by the convolution's that made its source: the gradient of the convolution
/// behind, through the ReLU between them.
bool sums_into_gradient(const Fusing&, std::size_t i);
/// The same where the normalisation's result has more readers: the sum of their gradients goes in as well, at its place, where all
/// of them are known.
bool sum_and_sums_into_gradient(const Fusing&, std::size_t i);
/// What a normalisation and its ReLU make is stored by nobody where all who read it make it as they load.
bool made_where_it_is_read(const Fusing&, std::size_t i);

}  // namespace bragg::nn
