#include "data/library/packed_columns.h"

#include <fmt/format.h>
#include <zlib.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

template <typename T>
void add_planes(std::string& bytes, std::span<const T> values) {
  for (std::size_t plane = 0; plane < sizeof(T); ++plane)
    for (const T value : values)
      bytes += static_cast<char>(value >> (8 * plane) & 0xff);
}

template <typename T>
std::vector<T> from_planes(std::string_view planes, std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t plane = 0; plane < sizeof(T); ++plane)
    for (std::size_t i = 0; i < count; ++i)
      values[i] = static_cast<T>(
          values[i] | static_cast<T>(static_cast<T>(static_cast<std::uint8_t>(planes[plane * count + i]))
                                     << (8 * plane)));
  return values;
}

}  // namespace

void ColumnWriter::u32(std::uint32_t value) {
  add_planes(bytes_, std::span<const std::uint32_t>(&value, 1));
}

void ColumnWriter::text(std::string_view text) {
  u32(static_cast<std::uint32_t>(text.size()));
  bytes_ += text;
}

void ColumnWriter::column(std::span<const std::uint8_t> values) {
  add_planes(bytes_, values);
}
void ColumnWriter::column(std::span<const std::uint16_t> values) {
  add_planes(bytes_, values);
}
void ColumnWriter::column(std::span<const std::uint32_t> values) {
  add_planes(bytes_, values);
}

void ColumnReader::fail(const std::string& what) const {
  throw Error(fmt::format("{}: {}: {}", source_, where_, what));
}

std::string_view ColumnReader::raw(std::size_t count) {
  if (bytes_.size() < count) fail(fmt::format("needs {} bytes, {} are left", count, bytes_.size()));
  const std::string_view taken = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return taken;
}

std::uint32_t ColumnReader::u32() {
  return from_planes<std::uint32_t>(raw(4), 1)[0];
}

std::string ColumnReader::text() {
  return std::string(raw(u32()));
}

std::vector<std::uint8_t> ColumnReader::bytes_column(std::size_t count) {
  return from_planes<std::uint8_t>(raw(count), count);
}
std::vector<std::uint16_t> ColumnReader::u16_column(std::size_t count) {
  return from_planes<std::uint16_t>(raw(2 * count), count);
}
std::vector<std::uint32_t> ColumnReader::u32_column(std::size_t count) {
  return from_planes<std::uint32_t>(raw(4 * count), count);
}

void ColumnReader::end() const {
  if (!bytes_.empty()) fail(fmt::format("{} bytes too many", bytes_.size()));
}

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string deflated(std::string_view bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string packed(size, '\0');
  const int code =
      compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), Z_BEST_COMPRESSION);
  if (code != Z_OK) throw Error(fmt::format("zlib could not pack {} bytes: code {}", bytes.size(), code));
  packed.resize(size);
  return packed;
}

std::string inflated(std::string_view packed, std::size_t size, const std::string& source,
                     const std::string& where) {
  std::string bytes(size, '\0');
  uLongf got = static_cast<uLongf>(size);
  uLong taken = static_cast<uLong>(packed.size());
  const int code = uncompress2(reinterpret_cast<Bytef*>(bytes.data()), &got,
                               reinterpret_cast<const Bytef*>(packed.data()), &taken);
  if (code == Z_BUF_ERROR)
    throw Error(
        fmt::format("{}: {}: unpacks to more than the {} bytes that it should have", source, where, size));
  if (code != Z_OK) throw Error(fmt::format("{}: {}: damaged ({})", source, where, zError(code)));
  if (got != size || taken != packed.size()) {
    throw Error(fmt::format("{}: {}: unpacks {} of {} bytes to {} instead of {}", source, where, taken,
                            packed.size(), got, size));
  }
  return bytes;
}

}  // namespace bragg::data
