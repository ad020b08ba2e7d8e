#include "apps/training/run_lock.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/error.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view opening = "bragg train: ";

[[noreturn]] void fail(const fs::path& path, const char* what, int reason) {
  throw Error(fmt::format("{}: {}: {}", path.string(), what, std::strerror(reason)));
}

std::string holder_text() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  std::array<char, 32> time{};
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  std::strftime(time.data(), time.size(), "%Y-%m-%d %H:%M:%S UTC", &utc);
  return fmt::format("process {} on {} since {}", ::getpid(), as_utf8(host.data()), time.data());
}

/// The first line of the file, what matters of it.
std::string read_start(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t n = ::pread(descriptor, text.data(), text.size(), 0);
  const std::string_view read(text.data(), static_cast<std::size_t>(n > 0 ? n : 0));
  return as_utf8(read.substr(0, read.find('\n')));
}

/// Of a file that someone holds: who. It may not have come to writing it.
std::string holder_in(int descriptor) {
  const std::string text = read_start(descriptor);
  return text.starts_with(opening) && text.size() > opening.size() ? text.substr(opening.size())
                                                                   : "another process";
}

}  // namespace

RunLock::RunLock(const fs::path& folder) : path_(folder / "run.lock") {
  try {
    while (!take()) {
    }
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

RunLock::~RunLock() {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());  // while it is held: a newcomer's look at the name finds out
  ::close(descriptor_);
}

/// False where the file went away or was replaced meanwhile.
bool RunLock::take() {
  constexpr int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | flags, 0666);
  const bool others =
      descriptor_ < 0 && errno == EACCES;  // perhaps another person's: it can be asked for its lock
  if (others) descriptor_ = ::open(path_.c_str(), O_RDONLY | flags);
  if (descriptor_ < 0) {
    if (others) fail(path_.parent_path(), "cannot be written to", EACCES);
    if (errno == ELOOP)
      throw Error(fmt::format("{}: a link, where a lock belongs: remove it", path_.string()));
    fail(path_, "cannot be written", errno);
  }
  struct stat mine = {}, named = {};
  if (::fstat(descriptor_, &mine) != 0) fail(path_, "cannot be read", errno);
  if (!S_ISREG(mine.st_mode))
    throw Error(fmt::format("{}: not a file, where a lock belongs: remove it", path_.string()));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason == EWOULDBLOCK) {
      throw UsageError(fmt::format("{}: in use by {}: wait for it, or choose another folder",
                                   path_.parent_path().string(), holder_in(descriptor_)));
    }
    fmt::print(stderr, "{}: cannot be locked ({}): nothing keeps a second trainer out of this folder\n",
               path_.string(), std::strerror(reason));
    if (mine.st_size == 0) ::unlink(path_.c_str());
    ::close(descriptor_);
    descriptor_ = -1;
    return true;
  }
  const bool same =
      ::lstat(path_.c_str(), &named) == 0 && named.st_ino == mine.st_ino && named.st_dev == mine.st_dev;
  if (same && mine.st_size > 0 && !read_start(descriptor_).starts_with(opening))
    throw Error(fmt::format("{}: not a lock of bragg, which needs this name: rename it", path_.string()));
  if (same && !others) {
    write_holder();
    return true;
  }
  if (same && ::unlink(path_.c_str()) != 0)
    fail(path_, "cannot be removed, though its process is gone", errno);
  ::close(descriptor_);
  descriptor_ = -1;
  return false;
}

void RunLock::write_holder() const {
  const std::string text = fmt::format("{}{}\n", opening, holder_text());
  bool written = ::ftruncate(descriptor_, 0) == 0;
  for (std::size_t done = 0; written && done < text.size();) {
    const ssize_t n = ::pwrite(descriptor_, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    written = n > 0;
    done += written ? static_cast<std::size_t>(n) : 0;
  }
  if (written) return;
  const int reason = errno;
  ::unlink(path_.c_str());
  fail(path_, "cannot be written", reason);
}

}  // namespace bragg::apps
