#include "xrd/symmetry/lattice_reduction.h"

namespace bragg::xrd {

Metric full_metric(const UnitCell& cell) {
  const auto g = cell.metric();
  return {{{g[0], g[5], g[4]}, {g[5], g[1], g[3]}, {g[4], g[3], g[2]}}};
}

IntMatrix reduce(Metric& g) {
  IntMatrix basis = unit_matrix;
  // v_i += n v_j.
  const auto add = [&](std::size_t i, std::size_t j, double n) {
    for (std::size_t k = 0; k < 3; ++k)
      g[i][k] += n * g[j][k];
    for (std::size_t k = 0; k < 3; ++k) {
      g[k][i] += n * g[k][j];
      basis[k][i] += static_cast<std::int64_t>(n) * basis[k][j];
    }
  };
  constexpr int maximum_rounds = 100;
  constexpr double gain = 1e-9;  // of a length: ties must not go on for ever
  for (int round = 0; round < maximum_rounds; ++round) {
    bool changed = false;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        if (i == j) continue;
        const double before = g[i][i], n = -std::round(g[i][j] / g[j][j]);
        if (n == 0) continue;
        const double after = before + 2 * n * g[i][j] + n * n * g[j][j];
        if (!(after < before * (1 - gain))) continue;
        add(i, j, n);
        changed = true;
      }
    if (changed) continue;
    for (std::size_t i = 0; i < 3 && !changed; ++i) {
      const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
      for (const double m : {-1., 1.})
        for (const double n : {-1., 1.}) {
          const double after =
              g[i][i] + g[j][j] + g[k][k] + 2 * (m * g[i][j] + n * g[i][k] + m * n * g[j][k]);
          if (changed || !(after < g[i][i] * (1 - gain))) continue;
          add(i, j, m);
          add(i, k, n);
          changed = true;
        }
    }
    if (!changed) break;
  }
  return basis;
}

}  // namespace bragg::xrd
