#include "kernels/base/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/error.h"

namespace bragg {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view ending = ".tmp";
constexpr std::size_t random_digits = 16;

[[noreturn]] void fail(const fs::path& path, const char* what) {
  throw Error(fmt::format("{}: cannot {}: {}", path.string(), what, std::strerror(errno)));
}

std::string random_text(const fs::path& target) {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) fail(target, "write");
  return fmt::format("{:016x}", bits);
}

/// NAME.RANDOM.tmp of this target.
bool is_temporary_of(const std::string& target, const std::string& name) {
  if (name.size() != target.size() + 1 + random_digits + ending.size()) return false;
  if (!name.starts_with(target + ".") || !name.ends_with(ending)) return false;
  const auto digits = std::string_view(name).substr(target.size() + 1, random_digits);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Removes the file where nobody writes to it any more.
void remove_if_abandoned(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return;
  struct stat status = {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
      ::flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    ::unlink(path.c_str());
  ::close(descriptor);
}

void remove_abandoned(const fs::path& folder, const std::string& target) {
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (is_temporary_of(target, entry->path().filename().string())) remove_if_abandoned(entry->path());
}

}  // namespace

AtomicFile::AtomicFile(fs::path target)
    : target_(std::move(target)), folder_(target_.has_parent_path() ? target_.parent_path() : fs::path(".")) {
  remove_abandoned(folder_, target_.filename().string());
  create();
}

void AtomicFile::create() {
  while (true) {
    temporary_ = target_;
    temporary_ += fmt::format(".{}{}", random_text(target_), ending);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      if (errno == EEXIST) continue;
      fail(target_, "write");
    }
    // Between its creation and the lock another process may have taken it for abandoned.
    struct stat status = {};
    const bool locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (locked && ::fstat(descriptor_, &status) == 0 && status.st_nlink > 0) break;
    ::close(descriptor_);
  }
  struct stat replaced = {};
  if (::lstat(target_.c_str(), &replaced) == 0 && S_ISREG(replaced.st_mode) &&
      ::fchmod(descriptor_, replaced.st_mode & 07777) != 0) {
    const int reason = errno;
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
    errno = reason;
    fail(target_, "keep the permissions of");
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(descriptor_);
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(descriptor_, p, bytes);
    if (n < 0) {
      if (errno == EINTR) continue;
      fail(target_, "write");
    }
    p += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail(target_, "write");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(target_, "replace");
  ::close(descriptor_);  // the lock with it; what was written has reached the disk
  descriptor_ = -1;
  sync_folder();
}

void AtomicFile::sync_folder() const {
  const int directory = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    if (errno == EACCES) return;  // a folder that may be written to and not read
    fail(folder_, "sync");
  }
  const bool synced = ::fsync(directory) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int reason = errno;
  ::close(directory);
  if (synced) return;
  errno = reason;
  fail(folder_, "sync");
}

void write_file(const fs::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

}  // namespace bragg
