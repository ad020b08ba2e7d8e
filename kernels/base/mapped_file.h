// A file's bytes in memory, read-only; the system reads its pages when they are looked at.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace bragg {

/// Mapped for as long as this object lives.
class MappedFile {
 public:
  /// Of nothing.
  MappedFile() = default;
  /// `kind` is what was looked for, "a safetensors file". Throws Error naming what cannot be opened or mapped, a folder, and what is
  /// no regular file: a named pipe is refused, not waited for. An empty file has no bytes.
  MappedFile(const std::filesystem::path&, std::string_view kind);
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Takes pages off this process that lie wholly inside of `part`, of these bytes: they are read again when they are looked at.
  void unload(std::span<const std::byte> part) const;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace bragg
