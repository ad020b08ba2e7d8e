#include "data/patterns/pattern_rows.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "data/patterns/pattern_set.h"
#include "kernels/base/error.h"

namespace bragg::data {

void PatternRows::add(std::string name, std::vector<float> values) {
  if (std::ssize(values) != instrument_.grid.points) {
    throw Error(fmt::format("{}: a pattern of {} points on a grid of {}", name, values.size(),
                            instrument_.grid.points));
  }
  const auto odd = std::find_if(values.begin(), values.end(), [](float y) { return !std::isfinite(y); });
  if (odd != values.end())
    throw Error(fmt::format("{}: value {} at point {}", name, *odd, odd - values.begin()));
  if (!space_group_.empty() && space_group_.size() == names_.size())
    throw Error(fmt::format("{}: no space group, unlike the {} patterns before it", name, names_.size()));
  values_.insert(values_.end(), values.begin(), values.end());
  names_.push_back(std::move(name));
}

void PatternRows::add(std::string name, std::vector<float> values, int space_group, std::int32_t group) {
  if (space_group_.size() != names_.size())
    throw Error(fmt::format("{}: space group {}, unlike the {} patterns before it, which have none", name,
                            space_group, names_.size()));
  space_group_.push_back(space_group);
  group_.push_back(group);
  try {
    add(std::move(name), std::move(values));
  } catch (...) {
    space_group_.pop_back();
    group_.pop_back();
    throw;
  }
}

void PatternRows::write(const std::filesystem::path& path) const {
  constexpr float maximum = 1000;
  PatternSetWriter set(instrument_);
  for (std::size_t i = 0; i < names_.size(); ++i)
    space_group_.empty() ? set.add(names_[i]) : set.add(space_group_[i], group_[i], names_[i]);
  const auto points = static_cast<std::size_t>(instrument_.grid.points);
  set.write(path, [&](const PatternSetWriter::Sink& sink) {
    std::vector<float> scaled(points);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const auto row = std::span(values_).subspan(i * points, points);
      std::transform(row.begin(), row.end(), scaled.begin(), [](float y) { return y * maximum; });
      sink(scaled);
    }
  });
}

}  // namespace bragg::data
