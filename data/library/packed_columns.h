// Columns of numbers and texts as bytes, and bytes through deflate: what a library's parts are made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::data {

/// Numbers little-endian. A column of wider numbers lies byte by byte: all lowest bytes first, which are
/// noise, then the higher ones, which are mostly alike.
class ColumnWriter {
 public:
  void u32(std::uint32_t value);
  void text(std::string_view text);  ///< length and bytes
  void column(std::span<const std::uint8_t> values);
  void column(std::span<const std::uint16_t> values);
  void column(std::span<const std::uint32_t> values);
  void raw(std::string_view bytes) { bytes_ += bytes; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// The same order. Throws Error "SOURCE: WHERE: needs N bytes, M are left".
class ColumnReader {
 public:
  /// `source` and `where` stand in messages; both and the bytes must outlive the reader.
  ColumnReader(std::string_view bytes, const std::string& source, const std::string& where)
      : bytes_(bytes), source_(source), where_(where) {}

  std::uint32_t u32();
  std::string text();
  std::vector<std::uint8_t> bytes_column(std::size_t count);
  std::vector<std::uint16_t> u16_column(std::size_t count);
  std::vector<std::uint32_t> u32_column(std::size_t count);
  std::string_view raw(std::size_t count);
  /// Throws Error where bytes are left.
  void end() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::string_view bytes_;
  const std::string& source_;
  const std::string& where_;
};

/// CRC-32 as zlib has it.
std::uint32_t crc_of(std::string_view bytes);

/// In the format of zlib, as small as it gets.
std::string deflated(std::string_view bytes);
/// Exactly `size` bytes. Throws Error "SOURCE: WHERE: reason": damaged, cut off, of another length.
std::string inflated(std::string_view packed, std::size_t size, const std::string& source,
                     const std::string& where);

}  // namespace bragg::data
