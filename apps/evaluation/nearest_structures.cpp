#include "apps/evaluation/nearest_structures.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "apps/evaluation/evaluation.h"
#include "data/patterns/resample.h"
#include "kernels/base/error.h"

namespace bragg::apps {

std::string pattern_name(const data::PatternSet& set, std::int64_t row) {
  const std::string name = set.name(row);
  return name.empty() ? fmt::format("pattern {}", row) : name;
}

data::FeatureRows features_of(const data::PatternSet& set, const std::vector<std::int64_t>& rows,
                              const ModelFacts& facts, std::vector<std::uint8_t>& usable) {
  usable.assign(rows.size(), 1);
  return {static_cast<std::int64_t>(rows.size()), [&](std::int64_t i, std::span<float> dst) {
            try {
              data::similarity_features(prepared(set, rows[static_cast<std::size_t>(i)], facts), dst);
            } catch (const data::PatternRefused&) {
              usable[static_cast<std::size_t>(i)] = 0;
              std::fill(dst.begin(), dst.end(), 0.0f);
            }
          }};
}

std::vector<std::vector<data::Neighbour>> nearest_structures(Backend& backend,
                                                             std::span<const std::vector<float>> patterns,
                                                             const data::PatternSet& set,
                                                             const ModelFacts& facts, int count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(set.size()));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  std::vector<std::uint8_t> usable;
  const data::FeatureRows references = features_of(set, rows, facts, usable);
  const data::FeatureRows queries{static_cast<std::int64_t>(patterns.size()),
                                  [&](std::int64_t i, std::span<float> dst) {
                                    data::similarity_features(patterns[static_cast<std::size_t>(i)], dst);
                                  }};
  std::vector<std::vector<data::Neighbour>> result(patterns.size());
  std::vector<std::set<std::int32_t>> taken(patterns.size());
  // A round finds each query's best row among the groups that earlier rounds left.
  for (int round = 0; round < count; ++round) {
    const auto found =
        data::nearest_neighbours(backend, queries, references, facts.instrument.grid.points,
                                 [&](std::int64_t query, std::int64_t row) {
                                   return usable[static_cast<std::size_t>(row)] != 0 &&
                                          !taken[static_cast<std::size_t>(query)].contains(set.group(row));
                                 });
    if (std::find(usable.begin(), usable.end(), 1) == usable.end()) {
      throw Error(fmt::format("{}: none of its {} patterns covers enough of {}..{} degrees to be compared",
                              set.path().string(), set.size(), facts.instrument.grid.start,
                              facts.instrument.grid.end()));
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i].row < 0 || !(found[i].similarity > 0)) continue;
      result[i].push_back(found[i]);
      taken[i].insert(set.group(found[i].row));
    }
  }
  return result;
}

}  // namespace bragg::apps
