// Writing files so that a reader sees the old one or the whole new one, never a part.
#pragma once

#include <filesystem>
#include <string_view>

namespace bragg {

/// Writes to a temporary name beside the target; commit() makes it the target (fsync, rename, fsync of the
/// folder). Without commit() the destructor removes it and the old file stays. Throws Error naming the path
/// and the reason.
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
  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;
};

/// The whole of `text` as the file `target`, atomically.
void write_file(const std::filesystem::path& target, std::string_view text);

}  // namespace bragg
