#include "kernels/base/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <vector>

namespace bragg {
namespace {

// Optimal string alignment (Damerau 1964): three rows of the table are enough.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto equal = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (equal(a[i - 1], b[j - 1]) ? 0 : 1)});
      if (i > 1 && j > 1 && equal(a[i - 1], b[j - 2]) && equal(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string near_name(std::string_view name, std::span<const std::string> known) {
  const std::string nearest = nearest_name(name, known);
  const std::size_t distance = edit_distance(name, nearest);
  const std::size_t allowed = std::max<std::size_t>(1, std::max(name.size(), nearest.size()) / 3);
  return distance <= allowed && distance < name.size() ? nearest : std::string();
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  constexpr std::size_t most_listed = 20;
  const std::string near = near_name(name, known);
  if (!near.empty()) return "; the nearest is " + near;
  if (known.empty() || known.size() > most_listed) return {};
  std::string text = known.size() == 1 ? "; there is " : "; there are ";
  for (std::size_t i = 0; i < known.size(); ++i)
    text += (i == 0 ? "" : ", ") + known[i];
  return text;
}

}  // namespace bragg
