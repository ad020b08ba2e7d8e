// What a person sees of a running training: a bar on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace bragg::nn {

/// What is known at some step. Loss and accuracy are the last measured ones.
struct ProgressNumbers {
  std::int64_t step = 0, steps = 0;
  std::optional<double> loss, accuracy;
  double patterns_per_s = 0;  ///< 0: not known yet
  double remaining_s = 0;
};

/// "step 120/500000  loss 4.123  accuracy 12.3 %  245 patterns/s  ETA 3 h 12 min"
std::string progress_text(const ProgressNumbers&);
/// "45 s", "12 min 05 s", "3 h 12 min", "5 d 07 h"
std::string duration_text(double seconds);

/// Writes to a stream (stderr): on a terminal one line that is drawn over, at most five times a second;
/// elsewhere a line every ten seconds.
class Progress {
 public:
  explicit Progress(std::FILE* stream = stderr);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const ProgressNumbers&);
  /// A line that stays.
  void note(const std::string& text);

 private:
  void clear_line();

  std::FILE* stream_;
  bool terminal_;
  std::size_t drawn_ = 0;  ///< characters of the line that is there
  std::optional<std::chrono::steady_clock::time_point> last_;
};

}  // namespace bragg::nn
