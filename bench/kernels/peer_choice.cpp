#include "bench/kernels/peer_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::bench {

double disagreement(std::span<const float> got, std::span<const float> expected) {
  constexpr double different = std::numeric_limits<double>::infinity();
  if (got.size() != expected.size()) return different;
  double squares = 0;
  for (const float x : expected)
    squares += double{x} * double{x};
  const double rms = std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, expected.size())));
  if (!std::isfinite(rms)) return different;
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(double{got[i]} - double{expected[i]});
    if (!std::isfinite(difference)) return different;
    if (difference > 0) largest = std::max(largest, difference / (std::abs(double{expected[i]}) + rms));
  }
  return largest;
}

double allowed_disagreement(DType element, bool tf32) {
  if (element == DType::bf16) return 0.02;
  return tf32 ? 0.01 : 0.001;
}

Candidate fastest(Backend& backend, const std::vector<Candidate>& candidates,
                  const std::function<void()>& between) {
  constexpr double hopeless = 3;  // times as slow as the best so far: some libraries have very slow ways, too
  const Candidate* best = nullptr;
  double best_s = std::numeric_limits<double>::infinity();
  std::string refusal;
  for (const Candidate& candidate : candidates) {
    try {
      candidate.run();  // what it loads and compiles is not timed
      std::array<double, 3> seconds;
      for (double& s : seconds) {
        between();
        s = backend.seconds_of(candidate.run);
        if (s > hopeless * best_s) throw Error(fmt::format("{}: {} s", candidate.what, s));
      }
      std::nth_element(seconds.begin(), seconds.begin() + 1, seconds.end());
      if (seconds[1] < best_s) {
        best = &candidate;
        best_s = seconds[1];
      }
    } catch (const Error& e) {
      refusal = e.what();
    }
  }
  if (!best) throw Error(refusal);
  return *best;
}

void require_agreement(Backend& backend, const Product& product, const Candidate& candidate, double allowed) {
  product.plain(candidate.bias_and_relu);
  candidate.run();
  const double found = disagreement(download(backend, candidate.result), download(backend, product.result()));
  if (!(found <= allowed))
    throw Error(
        fmt::format("{}: differs from bragg's result by {:.2g} > {:.2g}", candidate.what, found, allowed));
}

}  // namespace bragg::bench
