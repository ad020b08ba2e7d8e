// Memory of a backend: who owns it and how it is planned. Nothing is allocated inside a training step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace bragg {

enum class DType : std::uint8_t { f64, f32, bf16, i64, u64, i32, u32, i16, u16, u8 };

/// Bytes of one element.
std::size_t size_of(DType);
/// The name as safetensors spells it: "F64", "F32", "BF16", "I64", ...
std::string name_of(DType);

/// A block of a backend's memory. Move-only: a copy would be a device transfer and has to be asked for by
/// name. `data` is an address on the backend's device; only for the CPU backends may the host follow it.
class Buffer {
 public:
  Buffer() = default;
  Buffer(void* data, std::size_t bytes, std::function<void(void*)> release)
      : data_(data), bytes_(bytes), release_(std::move(release)) {}
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (data_ && release_) release_(data_);
  }

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::size_t bytes() const { return bytes_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(release_, other.release_);
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::function<void(void*)> release_;
};

/// Offsets inside one allocation, handed out in order. Plan first, allocate `bytes()` once, then add the
/// offsets.
class ArenaPlan {
 public:
  /// Every tensor starts on a boundary that suits vector loads and TMA descriptors.
  static constexpr std::size_t alignment = 256;

  /// Reserves `bytes` and returns their offset.
  std::size_t add(std::size_t bytes) {
    const std::size_t offset = bytes_;
    bytes_ += (bytes + alignment - 1) / alignment * alignment;
    return offset;
  }
  /// Total, with one alignment unit of slack after the last tensor so that a vector load at its end stays
  /// inside.
  std::size_t bytes() const { return bytes_ + alignment; }

 private:
  std::size_t bytes_ = 0;
};

}  // namespace bragg
