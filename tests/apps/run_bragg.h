// Runs the built program as its users do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bragg::tests {

struct RunResult {
  int code = 0;  ///< exit code; 128 + signal where a signal ended it
  std::string out, err;
};

/// A running bragg. Its output goes to files in `folder`.
class RunningBragg {
 public:
  RunningBragg(const std::vector<std::string>& arguments, const std::filesystem::path& folder);
  ~RunningBragg();
  RunningBragg(const RunningBragg&) = delete;
  RunningBragg& operator=(const RunningBragg&) = delete;

  bool is_running();
  void signal(int number) const;
  /// Waits for its end.
  RunResult result();

 private:
  std::filesystem::path out_, err_;
  pid_t process_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

RunResult run_bragg(const std::vector<std::string>& arguments);

std::vector<std::string> lines(const std::string& text);

}  // namespace bragg::tests
