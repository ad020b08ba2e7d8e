// The one container for everything that bragg stores: models, checkpoints, crystal sets, pattern sets.
// Format: 8-byte little-endian header length, JSON header {"name": {"dtype", "shape", "data_offsets"},
// "__metadata__"}, data (https://github.com/huggingface/safetensors). Reading maps the file; writing is
// atomic. Offsets count from the end of the header; tensors follow each other without gap or overlap, as the
// format demands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/base/mapped_file.h"
#include "kernels/base/memory.h"

namespace bragg {

struct TensorInfo {
  DType dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  ///< in the file

  std::int64_t count() const;  ///< product of the shape
};

/// A safetensors file, mapped read-only for as long as this object lives, or one in memory. The header is checked whole before
/// anything is handed out: lengths, offsets inside the file and in order without overlap, dtype and shape
/// against the byte count, duplicate names. Throws Error naming the file, the tensor and both offending
/// values.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(std::filesystem::path path);
  /// The bytes of such a file, which must outlive this object; `name` stands in messages.
  SafetensorsFile(std::span<const std::byte> bytes, std::string name);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  /// Throws Error if absent, or if dtype or rank are not these.
  const TensorInfo& tensor(const std::string& name, DType dtype, std::size_t rank) const;
  /// Throws Error if absent.
  const std::string& metadata(const std::string& key) const;
  /// The same as a number, or as a whole one from 0. Throws Error naming the key and the text that is none.
  double number(const std::string& key) const;
  std::uint64_t count(const std::string& key) const;

  /// The tensor's elements in place. T must match the dtype, which is checked. In files that bragg writes
  /// every tensor is aligned to its element; a misaligned tensor of a foreign file is an Error that says so
  /// (copy() reads it).
  template <typename T>
  std::span<const T> data(const std::string& name, std::size_t rank) const;
  /// The same, copied out of the file: works for any alignment.
  template <typename T>
  std::vector<T> copy(const std::string& name, std::size_t rank) const;
  /// The elements of a tensor of any integer type. Throws Error for another type and for a u64 beyond int64.
  std::vector<std::int64_t> integers(const std::string& name, std::size_t rank) const;
  /// Takes pages of a mapped tensor off this process: what was copied or looked at need not stay. They can still
  /// be read. Bytes in memory stay as they are.
  void unload(std::span<const std::byte> bytes) const;

 private:
  const TensorInfo& find(const std::string& name, std::size_t rank) const;
  void read(std::span<const std::byte> file);
  void check_alignment(const std::string& name, const TensorInfo&) const;

  std::filesystem::path path_;
  MappedFile map_;  ///< of nothing where the bytes are another's
  std::span<const std::byte> file_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Collects tensors and writes them in one go. They are kept by reference: the data, or what makes it, must
/// live until write().
class SafetensorsWriter {
 public:
  void metadata(std::string key, std::string value);
  /// Throws Error for a name that is taken or reserved, and where shape and bytes disagree.
  void add(std::string name, DType dtype, std::vector<std::int64_t> shape, std::span<const std::byte> bytes);
  template <typename T>
  void add(std::string name, std::vector<std::int64_t> shape, std::span<const T> data);

  /// Takes the next elements of a tensor, as many as there are at hand.
  template <typename T>
  using Sink = std::function<void(std::span<const T>)>;
  /// A tensor whose elements come into being when they are written: `produce` gives them to the sink, in
  /// order, in portions of any size, so that they are never all in memory. What it throws leaves no file
  /// behind; neither do more or fewer elements than the shape's.
  template <typename T>
  void add(std::string name, std::vector<std::int64_t> shape,
           std::function<void(const Sink<T>& sink)> produce);

  /// Atomic (see atomic_file.h). Tensors of wide elements come first, then by name, so that each is aligned
  /// to its element without gaps. The same content gives the same bytes. Throws Error for text that is not
  /// UTF-8.
  void write(const std::filesystem::path& path) const;

 private:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<std::int64_t> shape;
    std::size_t size;  ///< in bytes
    std::span<const std::byte> bytes;
    std::function<void(const Sink<std::byte>&)> produce;  ///< in place of bytes
  };
  void add(Entry entry);
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// The DType of a C++ type.
template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::i64;
  if constexpr (std::is_same_v<T, std::uint64_t>) return DType::u64;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::i32;
  if constexpr (std::is_same_v<T, std::uint32_t>) return DType::u32;
  if constexpr (std::is_same_v<T, std::int16_t>) return DType::i16;
  if constexpr (std::is_same_v<T, std::uint16_t>) return DType::u16;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
}

template <typename T>
std::span<const T> SafetensorsFile::data(const std::string& name, std::size_t rank) const {
  const TensorInfo& info = tensor(name, dtype_of<T>(), rank);
  check_alignment(name, info);
  return {reinterpret_cast<const T*>(info.bytes.data()), info.bytes.size() / sizeof(T)};
}

template <typename T>
std::vector<T> SafetensorsFile::copy(const std::string& name, std::size_t rank) const {
  const TensorInfo& info = tensor(name, dtype_of<T>(), rank);
  std::vector<T> values(info.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), info.bytes.data(), info.bytes.size());
  unload(info.bytes);
  return values;
}

template <typename T>
void SafetensorsWriter::add(std::string name, std::vector<std::int64_t> shape, std::span<const T> data) {
  add(std::move(name), dtype_of<T>(), std::move(shape), std::as_bytes(data));
}

template <typename T>
void SafetensorsWriter::add(std::string name, std::vector<std::int64_t> shape,
                            std::function<void(const Sink<T>&)> produce) {
  add(Entry{std::move(name),
            dtype_of<T>(),
            std::move(shape),
            0,
            {},
            [produce = std::move(produce)](const Sink<std::byte>& bytes) {
              produce([&bytes](std::span<const T> elements) { bytes(std::as_bytes(elements)); });
            }});
}

}  // namespace bragg
