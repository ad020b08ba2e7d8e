// The pattern of a set that is most like a given one: the classifier that learns nothing, against which every
// network is measured.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/backend.h"

namespace bragg::data {

/// Background in patterns of measured kind: this percentile of the points between the first and the last that
/// is not zero.
inline constexpr double background_percentile = 0.30;

/// What similarity is measured on: square roots of the intensities above background, scaled to length 1, so
/// that the dot product of two is the cosine between them. A pattern without anything above its background
/// gives zeros.
void similarity_features(std::span<const float> pattern, std::span<float> dst);

/// Rows that are read one by one when they are needed: `read` writes the features of a row, (points).
struct FeatureRows {
  std::int64_t rows = 0;
  std::function<void(std::int64_t row, std::span<float> dst)> read;
};

struct Neighbour {
  std::int64_t row = -1;  ///< -1: none was allowed
  float similarity = 0;   ///< cosine
};

/// For every query the reference with the largest dot product (the first of equals) among those that
/// `allowed` accepts (all, if it is empty). Runs as dense layers on the backend, block by block: memory stays
/// below about 0.5 GB for 8500 points; references are read once for every 4096 queries.
std::vector<Neighbour> nearest_neighbours(
    Backend&, const FeatureRows& queries, const FeatureRows& references, std::int64_t points,
    const std::function<bool(std::int64_t query, std::int64_t reference)>& allowed = {});

}  // namespace bragg::data
