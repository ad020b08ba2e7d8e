// Writing files so that a reader sees the old one or the whole new one, never a part.
#pragma once

#include <filesystem>
#include <string_view>

namespace bragg {

/// Writes to NAME.RANDOM.tmp beside the target, a new file that nobody can have prepared; commit() makes it
/// the target (fsync, rename, fsync of the folder), with the permissions of the file that it replaces.
/// Without commit() the destructor removes it and the old file stays. What a process that is gone left of the
/// same target is removed first: whoever writes holds a lock (flock) on what it writes. Throws Error naming
/// the path and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  void create();
  void sync_folder() const;

  std::filesystem::path target_, folder_, temporary_;
  int descriptor_ = -1;
};

/// The whole of `text` as the file `target`, atomically.
void write_file(const std::filesystem::path& target, std::string_view text);

}  // namespace bragg
