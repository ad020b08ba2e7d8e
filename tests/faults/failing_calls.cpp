// A library to preload: makes one call of the system fail, for files below a folder. prove.py drives it.
//
//   FAULT_FOLDER  the folder; other files are left alone
//   FAULT         CALL:N:WHAT, the N-th (from 1) open, write, fsync, rename or close; N+: all from it on.
//                 WHAT: an errno by name (ENOSPC, EIO), short (half is written), kill (SIGKILL before it)
//   FAULT_COUNTS  a file that gets a line "CALL COUNT" of each at the end
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace {

enum Call { call_open, call_write, call_fsync, call_rename, call_close, calls };
constexpr std::array<const char*, calls> names{"open", "write", "fsync", "rename", "close"};
std::array<std::atomic<long>, calls> counts;

struct Fault {
  int call = -1;
  long at = 0;
  bool goes_on = false, is_short = false, kills = false;
  int error = 0;

  Fault() {
    const char* text = std::getenv("FAULT");
    if (text == nullptr) return;
    char name[16], what[16];
    char plus = 0;
    if (std::sscanf(text, "%15[^:]:%ld%c", name, &at, &plus) != 3) std::abort();
    const char* colon = std::strrchr(text, ':');
    std::snprintf(what, sizeof what, "%s", colon + 1);
    goes_on = plus == '+';
    for (int i = 0; i < calls; ++i)
      if (std::strcmp(name, names[static_cast<std::size_t>(i)]) == 0) call = i;
    is_short = std::strcmp(what, "short") == 0;
    kills = std::strcmp(what, "kill") == 0;
    if (std::strcmp(what, "ENOSPC") == 0) error = ENOSPC;
    if (std::strcmp(what, "EIO") == 0) error = EIO;
    if (call < 0 || (!is_short && !kills && error == 0)) std::abort();
  }
};

const Fault& fault() {
  static const Fault only;
  return only;
}

bool is_watched(const char* path) {
  static const char* folder = std::getenv("FAULT_FOLDER");
  return folder != nullptr && path != nullptr && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool is_watched(int descriptor) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return false;
  path[n] = '\0';
  return is_watched(path);
}

enum class Outcome { passes, fails, is_short };

Outcome outcome(Call call) {
  const long number = ++counts[call];
  const Fault& wanted = fault();
  if (wanted.call != call || (wanted.goes_on ? number < wanted.at : number != wanted.at))
    return Outcome::passes;
  if (wanted.kills) kill(getpid(), SIGKILL);
  if (wanted.is_short) return Outcome::is_short;
  errno = wanted.error;
  return Outcome::fails;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

/// Whether a write of `bytes` bytes fails; a short one has fewer.
bool write_fails(int descriptor, size_t& bytes) {
  if (!is_watched(descriptor)) return false;
  const Outcome out = outcome(call_write);
  if (out == Outcome::is_short && bytes > 1) bytes /= 2;
  return out == Outcome::fails;
}

[[gnu::destructor]] void write_counts() {
  const char* path = std::getenv("FAULT_COUNTS");
  if (path == nullptr) return;
  const int out = next<int(const char*, int, ...)>("open")(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  for (int i = 0; i < calls; ++i)
    dprintf(out, "%s %ld\n", names[static_cast<std::size_t>(i)], counts[static_cast<std::size_t>(i)].load());
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const int mode = va_arg(arguments, int);
  va_end(arguments);
  if (is_watched(path) && outcome(call_open) == Outcome::fails) return -1;
  return next<int(const char*, int, ...)>("open")(path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  if (is_watched(path) && outcome(call_open) == Outcome::fails) return nullptr;
  return next<FILE*(const char*, const char*)>("fopen")(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (is_watched(path) && outcome(call_open) == Outcome::fails) return nullptr;
  return next<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

ssize_t write(int descriptor, const void* data, size_t bytes) {
  if (write_fails(descriptor, bytes)) return -1;
  return next<ssize_t(int, const void*, size_t)>("write")(descriptor, data, bytes);
}

ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t at) {
  if (write_fails(descriptor, bytes)) return -1;
  return next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(descriptor, data, bytes, at);
}

int ftruncate(int descriptor, off_t bytes) {
  if (is_watched(descriptor) && outcome(call_write) == Outcome::fails) return -1;
  return next<int(int, off_t)>("ftruncate")(descriptor, bytes);
}

int fflush(FILE* file) {
  if (file != nullptr && is_watched(fileno(file)) && outcome(call_write) == Outcome::fails) return EOF;
  return next<int(FILE*)>("fflush")(file);
}

int fsync(int descriptor) {
  if (is_watched(descriptor) && outcome(call_fsync) == Outcome::fails) return -1;
  return next<int(int)>("fsync")(descriptor);
}

int rename(const char* from, const char* to) {
  if (is_watched(to) && outcome(call_rename) == Outcome::fails) return -1;
  return next<int(const char*, const char*)>("rename")(from, to);
}

int close(int descriptor) {
  // A failing close has closed all the same, as on Linux.
  const bool fails = is_watched(descriptor) && outcome(call_close) == Outcome::fails;
  const int error = errno;
  const int result = next<int(int)>("close")(descriptor);
  errno = error;
  return fails ? -1 : result;
}

int fclose(FILE* file) {
  const bool fails = is_watched(fileno(file)) && outcome(call_close) == Outcome::fails;
  const int error = errno;
  const int result = next<int(FILE*)>("fclose")(file);
  errno = error;
  return fails ? EOF : result;
}
}
