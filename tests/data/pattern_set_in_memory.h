// A pattern set of a few patterns, values and all, for tests.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "data/patterns/pattern_set.h"

namespace bragg::tests {

/// A PatternSetWriter that is given the values together with the rest.
class PatternSetInMemory {
 public:
  explicit PatternSetInMemory(const Instrument& instrument) : writer_(instrument) {}

  void add(std::vector<float> pattern, int space_group, std::int32_t group, std::string_view name) {
    writer_.add(space_group, group, name);
    patterns_.push_back(std::move(pattern));
  }
  void metadata(std::string key, std::string value) { writer_.metadata(std::move(key), std::move(value)); }
  void write(const std::filesystem::path& path) const {
    writer_.write(path, [&](const data::PatternSetWriter::Sink& sink) {
      for (const auto& pattern : patterns_)
        sink(pattern);
    });
  }

 private:
  data::PatternSetWriter writer_;
  std::vector<std::vector<float>> patterns_;
};

}  // namespace bragg::tests
