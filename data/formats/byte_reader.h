// Numbers and texts at fixed places of a binary file, little-endian, with checked bounds. Part of the instrument
// formats.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "data/formats/format.h"

namespace bragg::data {

static_assert(std::endian::native == std::endian::little, "the numbers are copied as they are");

/// Every look-up throws Error "FILE: byte N: reason" where the file ends before it.
class ByteReader {
 public:
  explicit ByteReader(const FileBytes& file) : bytes_(file.bytes), name_(file.name) {}

  std::size_t size() const { return bytes_.size(); }
  std::uint16_t u16(std::size_t at, const char* what) const { return number<std::uint16_t>(at, what); }
  std::uint32_t u32(std::size_t at, const char* what) const { return number<std::uint32_t>(at, what); }
  float f32(std::size_t at, const char* what) const { return number<float>(at, what); }
  double f64(std::size_t at, const char* what) const { return number<double>(at, what); }
  /// Up to the first zero byte, as plain_text.
  std::string text(std::size_t at, std::size_t length, const char* what) const;

  /// Throws where fewer than `length` bytes follow.
  void need(std::size_t at, std::size_t length, const char* what) const;
  [[noreturn]] void fail(std::size_t at, const std::string& reason) const;

 private:
  template <class T>
  T number(std::size_t at, const char* what) const {
    need(at, sizeof(T), what);
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }

  std::string_view bytes_;
  const std::string& name_;
};

/// The shortest decimal number that single precision stores so: 0.02 of 0.02f, as the instrument was told.
double as_typed(float);
/// The same of a number in double precision that came from single precision; any other stays as it is.
double as_typed(double);

}  // namespace bragg::data
