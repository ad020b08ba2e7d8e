// The formats in which measured patterns are kept: a row each, recognised by content first. Who adds a format writes a file
// with one `Format` and names it in formats.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/scan.h"
#include "kernels/base/error.h"

namespace bragg::data {

/// A file that was recognised but cannot be taken as a measurement: another kind of data, a format that is refused by
/// name. what() is the reason alone, with what to export instead.
class FormatRefused : public Error {
 public:
  using Error::Error;
  /// `format`: what it is, where that can be told.
  FormatRefused(std::string format, const std::string& reason) : Error(reason), format_(std::move(format)) {}
  const std::string& format() const { return format_; }

 private:
  std::string format_;
};

/// The bytes of a file, unpacked where gzip compressed them, and its name for messages.
struct FileBytes {
  std::string_view bytes;
  std::string name;
  /// Extension of the name without .gz, in lower case, with its dot: ".xrdml"; empty: none.
  std::string extension() const;
};

struct ReadScans;

struct Format {
  const char* name;                     ///< "PANalytical XRDML", as messages and --json say it
  std::vector<std::string> extensions;  ///< ".xrdml"; in lower case
  /// By content alone: a look at the beginning (at most some KiB), never an error.
  bool (*looks_like)(std::string_view bytes);
  /// All scans in the file's order, at least one. Throws Error "FILE:LINE: reason" (or "FILE: byte N: reason") with
  /// the offending value for a broken file, and never returns a part in silence; FormatRefused for what can't be taken.
  ReadScans (*read)(const FileBytes&);
};

/// What a file holds.
struct ReadScans {
  const Format* format = nullptr;
  std::vector<Scan> scans;
  /// About the file as a whole: cut off, scans that are left out. choose_scans() gives them to every scan that it returns.
  std::vector<std::string> warnings = {};
};

/// In the order in which they are asked; text in columns is the last one, and looks at whatever is left.
std::span<const Format> formats();

/// The format of a file: the first that looks like it. Throws FormatRefused, naming what the file is where that can be
/// told (an image, an office document, a format that is known and not read) and the nearest format by the extension.
const Format& format_of(const FileBytes&);

/// Largest file that is read, unpacked.
inline constexpr std::uintmax_t largest_scan_bytes = std::uintmax_t{64} << 20;
/// From a file, a pipe or ("-") the standard input, unpacked where gzip compressed it.
ReadScans read_scans(const std::filesystem::path&);
ReadScans read_scans(const FileBytes&);

/// Every extension of every format, each once, in the registry's order.
std::vector<std::string> scan_extensions();

}  // namespace bragg::data
