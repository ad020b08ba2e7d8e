#include "nn/progress.h"

#include <cmath>

#include <fmt/format.h>
#include <unistd.h>

namespace bragg::nn {

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const auto s = static_cast<std::int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
  return fmt::format("{} d {:02} h", s / 86400, s / 3600 % 24);
}

std::string progress_text(const ProgressNumbers& n) {
  std::string text = fmt::format("step {}/{}", n.step, n.steps);
  if (n.loss) text += fmt::format("  loss {:.4f}", *n.loss);
  if (n.accuracy) text += fmt::format("  accuracy {:.1f} %", 100 * *n.accuracy);
  if (n.patterns_per_s > 0)
    text += fmt::format("  {:.0f} patterns/s  ETA {}", n.patterns_per_s, duration_text(n.remaining_s));
  return text;
}

Progress::Progress(std::FILE* stream) : stream_(stream), terminal_(::isatty(::fileno(stream)) == 1) {}

Progress::~Progress() {
  if (drawn_ > 0) std::fputc('\n', stream_);
}

void Progress::clear_line() {
  if (drawn_ > 0) fmt::print(stream_, "\r{:{}}\r", "", drawn_);
  drawn_ = 0;
}

void Progress::update(const ProgressNumbers& n) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  const bool done = n.step == n.steps;
  if (last_ && !done && now - *last_ < (terminal_ ? 200ms : 10000ms)) return;
  last_ = now;
  const std::string text = progress_text(n);
  if (!terminal_) {
    fmt::print(stream_, "{}\n", text);
  } else {
    constexpr std::int64_t width = 24;
    const std::int64_t full = n.steps > 0 ? n.step * width / n.steps : width;
    clear_line();
    const std::string line = fmt::format("[{:#<{}}{:.<{}}] {}", "", full, "", width - full, text);
    fmt::print(stream_, "{}", line);
    drawn_ = line.size();
  }
  std::fflush(stream_);
}

void Progress::note(const std::string& text) {
  clear_line();
  fmt::print(stream_, "{}\n", text);
  std::fflush(stream_);
}

}  // namespace bragg::nn
