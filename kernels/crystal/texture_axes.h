// The axis that crystallites prefer in March and Dollase's texture: its images under a Laue group, and their angles to hkl.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/host_device.h"
#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/reflection_problem.h"

namespace bragg {

/// A direction as indices of reciprocal space: the normal of the planes hkl.
struct AxisIndices {
  std::int32_t index[3];
};

/// Its image under one rotation of the Laue group.
BRAGG_HOST_DEVICE inline AxisIndices image_of(const std::int8_t* rotation, const AxisIndices& axis) {
  AxisIndices image{};
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 3; ++i)
      image.index[j] += axis.index[i] * rotation[3 * i + j];
  }
  return image;
}

inline constexpr int most_axes = 24;

/// The images of a texture axis under the Laue group, of +-axis one: the mean over the orbit of hkl is the
/// mean over them. Fewer than 24 have to be looked at where the axis is special.
struct TextureAxes {
  std::int32_t count;
  std::int32_t axis[most_axes][3];
};
inline TextureAxes texture_axes_of(const LaueRotations& laue, const AxisIndices& axis) {
  TextureAxes images{};
  for (int n = 0; n < laue.count; ++n) {
    const auto [image] = image_of(laue.rotation[n].data(), axis);
    bool known = false;
    for (int m = 0; m < images.count; ++m) {
      const std::int32_t* const other = images.axis[m];
      known |= (image[0] == other[0] && image[1] == other[1] && image[2] == other[2]) ||
               (image[0] == -other[0] && image[1] == -other[1] && image[2] == -other[2]);
    }
    if (known) continue;
    for (int j = 0; j < 3; ++j)
      images.axis[images.count][j] = image[j];
    ++images.count;
  }
  return images;
}

/// cos a = (axis[0] h + axis[1] k + axis[2] l) d, a the angle of hkl to each image of the axis.
struct AxisCosines {
  std::int32_t axes;
  float axis[3][most_axes];
};
inline AxisCosines axis_cosines(const TextureAxes& images, const ReciprocalMetric& metric) {
  AxisCosines cosines{};
  cosines.axes = images.count;
  for (int n = 0; n < images.count; ++n) {
    const std::int32_t* const a = images.axis[n];
    const double row[3] = {metric[0] * a[0] + (metric[5] * a[1] + metric[4] * a[2]) / 2,
                           metric[1] * a[1] + (metric[5] * a[0] + metric[3] * a[2]) / 2,
                           metric[2] * a[2] + (metric[4] * a[0] + metric[3] * a[1]) / 2};
    const double inverse = 1 / std::sqrt(inverse_d_squared(metric, a[0], a[1], a[2]));
    for (int i = 0; i < 3; ++i)
      cosines.axis[i][n] = static_cast<float>(inverse * row[i]);
  }
  return cosines;
}

}  // namespace bragg
