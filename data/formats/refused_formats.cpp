#include "data/formats/refused_formats.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "data/formats/text_rows.h"
#include "kernels/base/file_signature.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

using std::string_view_literals::operator""sv;

constexpr const char* as_text = "export the scan as text in two columns (.xy)";
constexpr const char* picture = "export the scan itself, not its picture: as text in two columns (.xy)";
constexpr const char* sheet = "save the sheet with the scan as text (.csv)";
constexpr const char* unpack = "unpack it and name the files in it";
constexpr const char* frame = "integrate it to intensity against 2 theta first, and save that as text (.xy)";
constexpr const char* container =
    "export the reduced pattern as text in columns (.xy, .xye) with its wavelength";
constexpr const char* bruker = "save it in Bruker's DIFFRAC programs as RAW V4, .brml, .uxd or .xy";
constexpr const char* philips =
    "save it in PANalytical's Data Collector, Data Viewer or HighScore as .xrdml or .xy";
constexpr const char* stoe = "export it in Stoe's WinXPOW as text in two columns (.xy)";
constexpr const char* seifert = "export it in Rayflex as text in two columns (.xy)";

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  const char* name;
  const char* advice;
};

constexpr std::array signatures = {
    Signature{0, "\x89PNG\r\n"sv, "a PNG image", picture},
    Signature{0, "\xFF\xD8\xFF"sv, "a JPEG image", picture},
    Signature{0, "GIF87a"sv, "a GIF image", picture},
    Signature{0, "GIF89a"sv, "a GIF image", picture},
    Signature{8, "WEBPVP8"sv, "a WebP image", picture},
    Signature{0, "II*\0"sv, "a TIFF image", frame},
    Signature{0, "MM\0*"sv, "a TIFF image", frame},
    Signature{4, "ftypheic"sv, "a HEIC image", picture},
    Signature{0, "<svg"sv, "an SVG image", picture},
    Signature{0, "%PDF-"sv, "a PDF document", picture},
    Signature{0, "%!PS"sv, "a PostScript document", picture},
    Signature{0, "{\\rtf"sv, "an RTF document", "save its table as plain text (.txt)"},
    Signature{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "an office document (.xls, .doc)", sheet},
    Signature{0, "\x89HDF\r\n\x1A\n"sv, "HDF5 (NeXus .nxs, .h5)", container},
    Signature{512, "\x89HDF\r\n\x1A\n"sv, "HDF5 (NeXus .nxs, .h5)", container},
    Signature{1024, "\x89HDF\r\n\x1A\n"sv, "HDF5 (NeXus .nxs, .h5)", container},
    Signature{2048, "\x89HDF\r\n\x1A\n"sv, "HDF5 (NeXus .nxs, .h5)", container},
    Signature{0, "\x0E\x03\x13\x01"sv, "HDF4 (NeXus)", container},
    Signature{0, "CDF\x01"sv, "netCDF", container},
    Signature{0, "CDF\x02"sv, "netCDF", container},
    Signature{0, "MATLAB 5.0 MAT-file"sv, "a MATLAB file", as_text},
    Signature{0, "\x93NUMPY"sv, "a NumPy array", as_text},
    Signature{0, "SQLite format 3"sv, "an SQLite database", as_text},
    Signature{0, "CPYA"sv, "an Origin project", "export the worksheet as text (.csv)"},
    Signature{0, "V3RD"sv, "Philips PC-APD .rd", philips},
    Signature{0, "V5RD"sv, "Philips PC-APD .rd", philips},
    Signature{0, "V3SD"sv, "Philips PC-APD .sd", philips},
    Signature{0, "V5SD"sv, "Philips PC-APD .sd", philips},
    Signature{0, "SampleIdent,"sv, "Philips .udf", philips},
    Signature{0, "RAW_1."sv, "Stoe .raw", stoe},
    Signature{0, "FI\0\0"sv, "Rigaku's binary .raw", "export it as .ras or .rasx"},
    Signature{0, "*TYPE"sv, "Rigaku's text with *TYPE and *START (.asc, .dat)",
              "export it as .ras, .rasx or .xy"},
    Signature{0, "###CBF"sv, "an image of an area detector (CBF)", frame},
    Signature{80, "VERSION:"sv, "an image of an area detector (Bruker .gfrm)", frame},
    Signature{0, "{\nHEADER_BYTES"sv, "an image of an area detector (ADSC)", frame},
    Signature{0, "{\nHeaderID"sv, "an image of an area detector (EDF)", frame},
    Signature{0, "{\nEDF_"sv, "an image of an area detector (EDF)", frame},
    Signature{0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive", unpack},
    Signature{0, "Rar!\x1A\x07"sv, "a RAR archive", unpack},
    Signature{0,
              "\xFD"
              "7zXZ\0"sv,
              "a file compressed by xz", unpack},
    Signature{4, "1AY&SY"sv, "a file compressed by bzip2", unpack},
    Signature{0, "\x28\xB5\x2F\xFD"sv, "a file compressed by zstd", unpack},
    Signature{257, "ustar"sv, "a tar archive", unpack},
    Signature{0,
              "\x7F"
              "ELF"sv,
              "a program", as_text},
};

/// By extension, where the contents are of no known kind, and for text, in which those formats hold no columns.
struct NamedKind {
  std::string_view extension;
  const char* name;
  const char* advice;
};
constexpr std::array named_kinds = {
    NamedKind{".bsml", "Bruker .bsml", bruker},
    NamedKind{".udf", "Philips .udf", philips},
    NamedKind{".rd", "Philips PC-APD .rd", philips},
    NamedKind{".sd", "Philips PC-APD .sd", philips},
    NamedKind{".nja", "Seifert .nja", seifert},
    NamedKind{".val", "Seifert .val", seifert},
    NamedKind{".nxs", "NeXus", container},
    NamedKind{".pro", "Stoe .pro", stoe},
    NamedKind{".dql", "Bruker .dql, a measuring job", "give the .raw or .brml that it measured"},
    NamedKind{".mdi", "MDI Jade .mdi", as_text},
    NamedKind{".cnf", "Canberra .cnf", as_text},
    NamedKind{".spc", "a spectrum (.spc)", as_text},
    NamedKind{".gfrm", "an image of an area detector (Bruker .gfrm)", frame},
    NamedKind{".img", "an image of an area detector", frame},
    NamedKind{".opju", "an Origin project", "export the worksheet as text (.csv)"},
};

bool holds(std::string_view bytes, std::string_view part) {
  return bytes.find(part) != std::string_view::npos;
}

/// Names of entries stand in a zip's local headers; the first of them, and the directory at its end.
std::optional<RefusedFormat> of_zip(std::string_view bytes) {
  constexpr std::size_t looked_at = std::size_t{64} << 10;
  const std::string_view begin = bytes.substr(0, looked_at);
  const std::string_view end = bytes.substr(bytes.size() - std::min(bytes.size(), looked_at));
  for (const std::string_view part : {begin, end}) {
    if (holds(part, "opendocument.")) return RefusedFormat{"an office document (.ods, .odt)", sheet};
    if (holds(part, "xl/workbook")) return RefusedFormat{"an Excel workbook (.xlsx)", sheet};
    if (holds(part, "word/document"))
      return RefusedFormat{"a Word document (.docx)", "save its table as plain text (.txt)"};
    if (holds(part, "ppt/presentation")) return RefusedFormat{"a presentation (.pptx)", picture};
    if (holds(part, ".bsml")) return RefusedFormat{"Bruker .bsml", bruker};
  }
  return RefusedFormat{"a zip archive", unpack};
}

/// Lines "&KEY=value" from the first one on.
bool is_seifert(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != '&') return false;
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  return end < bytes.size() && holds(bytes.substr(0, end), "=") && bytes.substr(end + 1).starts_with("&");
}

/// A block and a tag, after comments: powder CIF with a profile was asked before.
bool is_cif(std::string_view bytes) {
  std::string_view head = bytes.substr(0, 16384);
  bool in_block = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find_first_of("\r\n"), head.size());
    const std::string_view line = trimmed(head.substr(0, end));
    head.remove_prefix(std::min(end + 1, head.size()));
    if (line.empty() || line.front() == '#' || line.starts_with("\xEF\xBB\xBF#")) continue;
    if (in_block) return line.front() == '_' || line == "loop_";
    if (!xrd::lower_case(std::string(line.substr(0, 5))).starts_with("data_")) return false;
    in_block = true;
  }
  return false;
}

std::optional<RefusedFormat> of_markup(std::string_view bytes) {
  constexpr std::size_t looked_at = 4096;
  const std::string_view begin = bytes.substr(0, looked_at);
  const std::size_t first = begin.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos || begin[first] != '<') return std::nullopt;
  if (holds(begin, "<svg")) return RefusedFormat{"an SVG image", picture};
  const std::string lower = xrd::lower_case(std::string(begin));
  if (holds(lower, "<bsml")) return RefusedFormat{"Bruker .bsml", bruker};
  if (holds(lower, "urn:schemas-microsoft-com:office"))
    return RefusedFormat{"an office document in XML", sheet};
  return std::nullopt;
}

}  // namespace

std::string RefusedFormat::reason() const {
  return fmt::format("{}, which is not read as a measured pattern; {}", name, advice);
}

std::optional<RefusedFormat> refused_by_content(std::string_view bytes) {
  for (const Signature& one : signatures) {
    if (bytes.size() >= one.offset + one.bytes.size() &&
        bytes.substr(one.offset, one.bytes.size()) == one.bytes)
      return RefusedFormat{one.name, one.advice};
  }
  // A bitmap's length stands behind its two letters.
  if (bytes.starts_with("BM") && bytes.size() > 26 && bytes.substr(6, 4) == "\0\0\0\0"sv)
    return RefusedFormat{"a BMP image", picture};
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return of_zip(bytes);
  if (looks_like_safetensors(bytes)) {
    return RefusedFormat{"a safetensors file",
                         "bragg's pattern sets go to predict, evaluate and patterns describe as they are"};
  }
  if (is_cif(bytes)) {
    return RefusedFormat{
        "a CIF without a measured profile",
        "a structure goes to `bragg crystals import`; export the measured pattern as text (.xy)"};
  }
  if (is_seifert(bytes)) return RefusedFormat{"Seifert .nja", seifert};
  return of_markup(bytes);
}

std::optional<RefusedFormat> refused_by_extension(std::string_view extension) {
  for (const NamedKind& one : named_kinds)
    if (one.extension == extension) return RefusedFormat{one.name, one.advice};
  return std::nullopt;
}

}  // namespace bragg::data
