#include "xrd/close_contacts.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bragg::xrd {

CloseContacts::CloseContacts(const UnitCell& cell, double reach)
    : shortest_squared_(std::numeric_limits<float>::infinity()) {
  const auto g = cell.metric();
  for (std::size_t i = 0; i < 6; ++i)
    metric_[i] = static_cast<float>(i < 3 ? g[i] : 2 * g[i]);
  // A vector of length r has |fractional coordinate i| <= r a*_i: translations beyond that by more than 1/2
  // bring no nearest image, whose coordinates are within 1/2, to within r.
  const auto reciprocal = cell.reciprocal_lengths();
  std::array<int, 3> n;
  for (std::size_t i = 0; i < 3; ++i)
    n[i] = static_cast<int>(std::floor(reach * reciprocal[i] + 0.5));
  shifts_.push_back({0, 0, 0});
  for (int x = -n[0]; x <= n[0]; ++x)
    for (int y = -n[1]; y <= n[1]; ++y)
      for (int z = -n[2]; z <= n[2]; ++z) {
        if (x == 0 && y == 0 && z == 0) continue;
        const auto& shift = shifts_.emplace_back(
            std::array{static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)});
        shortest_squared_ = std::min(shortest_squared_, squared(shift[0], shift[1], shift[2]));
      }
}

bool CloseContacts::touches(float x, float y, float z, float radius, const Spheres& others) const {
  for (const auto& shift : shifts_) {
    int touching = 0;  // no way out of the inner loop: it vectorises
    for (std::size_t j = 0; j < others.x.size(); ++j) {
      const float d2 =
          squared(nearest_image(others.x[j] - x) + shift[0], nearest_image(others.y[j] - y) + shift[1],
                  nearest_image(others.z[j] - z) + shift[2]);
      const float sum = radius + others.radius[j];
      touching |= d2 < sum * sum;
    }
    if (touching) return true;
  }
  return false;
}

}  // namespace bragg::xrd
