// Files and texts of CIF: decompression, encodings, and the cut into data blocks.
#include "xrd/cif_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

#include "xrd/cif.h"
#include "xrd/cif_grammar.h"

namespace bragg::xrd {
namespace {

[[noreturn]] void unreadable(const std::string& file, std::string why) {
  throw CifError(CifFault::unreadable_file, file, "", 0, std::move(why));
}

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

/// Drops a byte order mark and turns lone carriage returns into line feeds, in place.
void normalise(std::string& text, const std::string& file) {
  if (text.empty()) unreadable(file, "empty");
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    unreadable(file, "UTF-16, not a CIF's ASCII");
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  if (text.empty()) unreadable(file, "empty");
  while (text.ends_with('\x1a'))
    text.pop_back();  // Ctrl-Z, DOS's end of a text
  if (text.find('\0') != std::string::npos) unreadable(file, "binary: it holds NUL bytes");
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\r' && c != '\t' && c != '\f' &&
           c != '\v';
  };
  const auto head_end = text.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(text.size(), 4096));
  if (const auto bad = std::find_if(text.begin(), head_end, is_control); bad != head_end)
    unreadable(file, fmt::format("binary: byte {:#04x} at offset {}", static_cast<unsigned>(*bad),
                                 bad - text.begin()));
  if (text.find('\r') != std::string::npos && text.find('\n') == std::string::npos)
    std::replace(text.begin(), text.end(), '\r', '\n');
}

}  // namespace

std::string check_cif_text(std::string_view bytes, const std::string& file) {
  std::string text(bytes);
  normalise(text, file);
  return text;
}

std::string read_cif_bytes(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) unreadable(file, "a folder");
  // zlib passes through what is not compressed.
  const std::unique_ptr<gzFile_s, CloseGz> in(gzopen(path.c_str(), "rb"));
  if (!in) unreadable(file, std::strerror(errno));
  gzbuffer(in.get(), 1 << 18);
  std::string text;
  constexpr std::size_t portion = std::size_t{1} << 22;
  for (;;) {
    const std::size_t size = text.size();
    if (size > maximum_cif_bytes)
      unreadable(file, fmt::format("more than {} bytes when unpacked", maximum_cif_bytes));
    if (text.capacity() < size + portion) text.reserve(std::max(2 * size, size + portion));
    text.resize(size + portion);
    const int got = gzread(in.get(), text.data() + size, portion);
    text.resize(size + static_cast<std::size_t>(std::max(got, 0)));
    int code = Z_OK;
    const char* why = gzerror(in.get(), &code);
    // Z_BUF_ERROR at the end: the compressed stream is cut off.
    if (got < 0 || (got == 0 && code != Z_OK)) unreadable(file, code == Z_ERRNO ? std::strerror(errno) : why);
    if (got == 0) break;
  }
  normalise(text, file);
  return text;
}

std::vector<CifBlockText> split_blocks(std::string_view text) {
  std::vector<CifBlockText> blocks;
  const auto opens_block = [](std::string_view line) {
    const auto start = line.find_first_not_of(" \t");
    return start != std::string_view::npos && line.size() - start >= 5 &&
           same_tag(line.substr(start, 5), "data_");
  };
  std::size_t block_begin = 0;
  int block_line = 1;
  bool any_heading = false;
  std::size_t field_begin = 0;  // of an open text field: where to go on if it never ends
  int field_line = 0;
  bool in_field = false;
  int line_number = 1;
  std::size_t position = 0, ignored_field = std::string_view::npos;
  for (;;) {
    if (position >= text.size()) {
      if (!in_field) break;
      // A text field without an end would swallow the blocks after it: only its own is lost.
      in_field = false;
      ignored_field = position = field_begin;
      line_number = field_line;
      continue;
    }
    const auto newline = text.find('\n', position);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    const char first = text[position];
    if (in_field) {
      if (first == ';') in_field = false;
    } else if (first == ';' && position != ignored_field) {
      in_field = true;
      field_begin = position;
      field_line = line_number;
    } else if ((first == 'd' || first == 'D' || first == ' ' || first == '\t') &&
               opens_block(text.substr(position, end - position))) {
      if (any_heading) {
        blocks.push_back({text.substr(block_begin, position - block_begin), block_line});
        block_begin = position;
        block_line = line_number;
      }
      any_heading = true;
    }
    position = end;
    ++line_number;
  }
  if (block_begin < text.size()) blocks.push_back({text.substr(block_begin), block_line});
  return blocks;
}

}  // namespace bragg::xrd
