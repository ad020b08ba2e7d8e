// One trainer a folder: a lock (flock) on run.lock in it, which names its holder.
#pragma once

#include <filesystem>

namespace bragg::apps {

/// From construction to destruction the folder is this process's to train in. A process that is gone, however
/// it ended, holds nothing: its file is taken over. Where a file system knows no locks it says so on stderr
/// and goes on without.
class RunLock {
 public:
  /// Throws UsageError naming process, host and time of another holder; Error where the file cannot be
  /// written or is not one that this class writes (a link, a person's own).
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  bool take();
  void write_holder() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace bragg::apps
