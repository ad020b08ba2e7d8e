#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/formats/brml.h"
#include "data/formats/bruker_raw.h"
#include "data/formats/bruker_uxd.h"
#include "data/formats/fit2d_chi.h"
#include "data/formats/format.h"
#include "data/formats/gsas.h"
#include "data/formats/powder_cif.h"
#include "data/formats/rasx.h"
#include "data/formats/refused_formats.h"
#include "data/formats/rigaku_ras.h"
#include "data/formats/step_rows.h"
#include "data/formats/text_columns.h"
#include "data/formats/text_rows.h"
#include "data/formats/xrdml.h"
#include "data/text_source.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

/// A row a format, in the order in which they are asked.
const std::vector<Format>& registry() {
  static const std::vector<Format> rows = {
      xrdml_format(),      brml_format(),       rasx_format(),         bruker_raw_format(),
      bruker_uxd_format(), rigaku_ras_format(), gsas_format(),         fit2d_chi_format(),
      powder_cif_format(), step_rows_format(),  text_columns_format(),
  };
  return rows;
}

bool is_text_columns(const Format& format) {
  return &format == &registry().back();
}

/// Bytes that no text holds, near the beginning; UTF-16 is text that another message is about.
bool is_binary(std::string_view bytes) {
  constexpr std::size_t looked_at = 4096;
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) return false;
  const std::string_view begin = bytes.substr(0, looked_at);
  return std::any_of(begin.begin(), begin.end(),
                     [](unsigned char c) { return c < 0x20 && (c < '\t' || c > '\r') && c != 0x1A; });
}

bool is_markup(std::string_view bytes) {
  const std::string_view begin = trimmed(bytes.substr(0, 200));
  const std::size_t first = std::min(begin.find('<'), begin.size());
  if (begin.substr(0, first).find_first_not_of("\xEF\xBB\xBF") != std::string_view::npos) return false;
  const std::string lower = xrd::lower_case(begin.substr(first));
  return lower.starts_with("<?xml") || lower.starts_with("<!doctype") || lower.starts_with("<html");
}

/// The format that files of this extension have, other than text in columns.
const Format* named_by(const std::string& extension) {
  for (const Format& format : registry()) {
    const auto& all = format.extensions;
    if (!is_text_columns(format) && std::find(all.begin(), all.end(), extension) != all.end()) return &format;
  }
  return nullptr;
}

/// What no format takes for its own and is no text either.
[[noreturn]] void refuse_unknown(const FileBytes& file) {
  const std::string extension = file.extension();
  if (const Format* format = named_by(extension)) {
    throw FormatRefused(
        fmt::format("its name ends in {}, but it does not begin as {} does: damaged, or another "
                    "program's; export the scan as text in two columns (.xy)",
                    extension, format->name));
  }
  if (const auto refused = refused_by_extension(extension))
    throw FormatRefused(refused->name, refused->reason());
  std::vector<std::string> names;
  for (const Format& format : registry())
    names.emplace_back(format.name);
  const bool markup = is_markup(file.bytes);
  throw FormatRefused(
      fmt::format("{} of no known kind; read are {}; export the scan as text in two columns (.xy)",
                  markup ? "a document in XML or HTML" : "binary data, not text,", fmt::join(names, ", ")));
}

}  // namespace

std::string FileBytes::extension() const {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.ends_with(".gz")) lower.resize(lower.size() - 3);
  return std::filesystem::path(lower).extension().string();
}

std::span<const Format> formats() {
  return registry();
}

const Format& format_of(const FileBytes& file) {
  for (const Format& format : registry())
    if (!is_text_columns(format) && format.looks_like(file.bytes)) return format;
  if (const auto refused = refused_by_content(file.bytes))
    throw FormatRefused(refused->name, refused->reason());
  if (is_binary(file.bytes) || is_markup(file.bytes)) refuse_unknown(file);
  if (const auto refused = refused_by_extension(file.extension()))
    throw FormatRefused(refused->name, refused->reason());
  return registry().back();
}

ReadScans read_scans(const FileBytes& file) {
  const Format& format = format_of(file);
  ReadScans read;
  try {
    read = format.read(file);
    read.format = &format;
  } catch (const FormatRefused& refused) {
    if (!refused.format().empty()) throw;
    throw FormatRefused(format.name, refused.what());
  }
  if (read.scans.empty()) throw Error(fmt::format("{}: {} without a scan", file.name, format.name));
  return read;
}

ReadScans read_scans(const std::filesystem::path& path) {
  const std::string bytes = read_text_source(path, largest_scan_bytes);
  return read_scans(FileBytes{bytes, path.string()});
}

std::vector<std::string> scan_extensions() {
  std::vector<std::string> all;
  for (const Format& format : registry()) {
    for (const std::string& extension : format.extensions)
      if (std::find(all.begin(), all.end(), extension) == all.end()) all.push_back(extension);
  }
  return all;
}

}  // namespace bragg::data
