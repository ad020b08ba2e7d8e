#include "tests/apps/run_bragg.h"

#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/data/test_crystals.h"

namespace bragg::tests {

RunningBragg::RunningBragg(const std::vector<std::string>& arguments, const std::filesystem::path& folder)
    : out_(folder / "stdout"), err_(folder / "stderr") {
  std::vector<std::string> all{BRAGG_BINARY};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("fork failed");
  if (process_ == 0) {
    const int out = open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err = open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
}

RunningBragg::~RunningBragg() {
  if (is_running()) {
    kill(process_, SIGKILL);
    waitpid(process_, &status_, 0);
  }
}

bool RunningBragg::is_running() {
  if (!ended_ && waitpid(process_, &status_, WNOHANG) == process_) ended_ = true;
  return !ended_;
}

void RunningBragg::signal(int number) const {
  kill(process_, number);
}

RunResult RunningBragg::result() {
  if (!ended_) waitpid(process_, &status_, 0);
  ended_ = true;
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {code, read_text(out_), read_text(err_)};
}

RunResult run_bragg(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  return RunningBragg(arguments, folder.path()).result();
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    all.push_back(line);
  return all;
}

}  // namespace bragg::tests
