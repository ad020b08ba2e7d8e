// metrics.jsonl: one JSON object a line, in the order of the steps.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bragg::nn {

/// Means of a head beside the first.
struct HeadMetrics {
  std::string head;
  double loss, accuracy;
};

/// A line of training: means since the last one. Of the first head, then of the others.
struct TrainMetrics {
  std::uint64_t step;
  double loss, accuracy, patterns_per_s, elapsed_s;
  std::vector<HeadMetrics> others = {};
};

struct HeldOutMetrics {
  std::uint64_t step;
  double loss, accuracy, elapsed_s;
  std::vector<HeadMetrics> others = {};
};

class MetricsLog {
 public:
  /// Appends to the file. Lines beyond `last_step`, and a torn last line, are dropped first.
  MetricsLog(const std::filesystem::path&, std::uint64_t last_step);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  /// Every line is in the file when this returns. A number that is not finite becomes null. Throws Error
  /// naming the path where it cannot be written.
  void write(const TrainMetrics&);
  void write(const HeldOutMetrics&);

 private:
  void write_line(const std::string&);

  std::filesystem::path path_;
  std::FILE* file_;
};

}  // namespace bragg::nn
