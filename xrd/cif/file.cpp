// Files and texts of CIF: decompression, encodings, and the cut into data blocks.
#include "xrd/cif/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

#include "xrd/cif/cif.h"
#include "xrd/cif/grammar.h"

namespace bragg::xrd {
namespace {

[[noreturn]] void unreadable(const std::string& file, std::string why) {
  throw CifError(CifFault::unreadable_file, file, "", 0, std::move(why));
}

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

/// Drops a byte order mark. Throws for what cannot be text; of the first bytes of a file.
void check_head(std::string& text, const std::string& file) {
  if (text.empty()) unreadable(file, "empty");
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    unreadable(file, "UTF-16, not a CIF's ASCII");
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  if (text.empty()) unreadable(file, "empty");
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\r' && c != '\t' && c != '\f' &&
           c != '\v' && c != '\x1a' && c != '\0';
  };
  const auto head_end = text.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(text.size(), 4096));
  if (const auto bad = std::find_if(text.begin(), head_end, is_control); bad != head_end)
    unreadable(file, fmt::format("binary: byte {:#04x} at offset {}", static_cast<unsigned>(*bad),
                                 bad - text.begin()));
}

bool has_lone_returns(std::string_view text) {
  return text.find('\r') != std::string_view::npos && text.find('\n') == std::string_view::npos;
}

void check_no_nul(std::string_view text, const std::string& file) {
  if (text.find('\0') != std::string_view::npos) unreadable(file, "binary: it holds NUL bytes");
}

/// Ctrl-Z, DOS's end of a text.
void drop_end_marks(std::string& text) {
  while (text.ends_with('\x1a'))
    text.pop_back();
}

/// Where the blocks of a text are. `is_whole`: nothing follows; otherwise the last block is left out, as it
/// may go on, and `rest` says where it begins.
struct Cut {
  std::vector<CifBlockText> blocks;
  std::size_t rest = 0;
  int rest_line = 1;
};
Cut cut_blocks(std::string_view text, int first_line, bool is_whole);

}  // namespace

std::string check_cif_text(std::string_view bytes, const std::string& file) {
  std::string text(bytes);
  check_head(text, file);
  drop_end_marks(text);
  check_no_nul(text, file);
  if (has_lone_returns(text)) std::replace(text.begin(), text.end(), '\r', '\n');
  return text;
}

struct CifFile::Impl {
  std::string file;
  std::unique_ptr<gzFile_s, CloseGz> in;
  std::string text;  ///< unpacked, not yet handed out
  std::size_t unpacked = 0, blocks = 0;
  int first_line = 1;
  bool at_start = true, at_end = false, lone_returns = false;

  [[noreturn]] void too_large(std::string why) const {
    throw CifError(CifFault::too_large, file, "", 0, std::move(why));
  }

  /// Unpacks up to `wanted` bytes more.
  void unpack(std::size_t wanted) {
    constexpr std::size_t step = std::size_t{1} << 16;
    const std::size_t old = text.size(), end = old + wanted;
    while (!at_end && text.size() < end) {
      const std::size_t size = text.size();
      text.resize(size + step);
      const int got = gzread(in.get(), text.data() + size, step);
      text.resize(size + static_cast<std::size_t>(std::max(got, 0)));
      int code = Z_OK;
      const char* why = gzerror(in.get(), &code);
      // Z_BUF_ERROR at the end: the compressed stream is cut off.
      if (got < 0 || (got == 0 && code != Z_OK))
        unreadable(file, code == Z_ERRNO ? std::strerror(errno) : why);
      at_end = got == 0;
    }
    unpacked += text.size() - old;
    if (unpacked > maximum_cif_bytes)
      too_large(fmt::format("more than {} bytes when unpacked", maximum_cif_bytes));
    constexpr std::size_t free = std::size_t{64} << 20, largest_ratio = 200;
    const auto packed = static_cast<std::size_t>(std::max<z_off_t>(1, gzoffset(in.get())));
    if (unpacked > free && unpacked / packed > largest_ratio)
      too_large(fmt::format("{} bytes unpack to {} and more", packed, unpacked));
    if (at_start) {
      check_head(text, file);
      at_start = false;
      lone_returns = has_lone_returns(text);
    }
    if (at_end) drop_end_marks(text);
    const std::size_t fresh = std::min(old, text.size());
    check_no_nul(std::string_view(text).substr(fresh), file);
    if (lone_returns) std::replace(text.begin() + static_cast<std::ptrdiff_t>(fresh), text.end(), '\r', '\n');
  }
};

CifFile::CifFile(const std::filesystem::path& path) : impl_(std::make_unique<Impl>()) {
  impl_->file = path.string();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) unreadable(impl_->file, "a folder");
  // zlib passes through what is not compressed.
  impl_->in.reset(gzopen(path.c_str(), "rb"));
  if (!impl_->in) unreadable(impl_->file, std::strerror(errno));
  gzbuffer(impl_->in.get(), 1 << 16);
}

CifFile::~CifFile() = default;

std::optional<CifPortion> CifFile::next() {
  constexpr std::size_t portion = std::size_t{1} << 22, largest = std::size_t{1} << 24;
  Impl& f = *impl_;
  while (!(f.at_end && f.text.empty())) {
    // More at a time where a block does not end in what there is, so that it is not looked through often.
    if (!f.at_end) f.unpack(std::clamp(f.text.size(), portion, largest));
    const Cut cut = cut_blocks(f.text, f.first_line, f.at_end);
    const bool is_long = f.text.size() - cut.rest > maximum_block_bytes ||
                         std::any_of(cut.blocks.begin(), cut.blocks.end(), [](const CifBlockText& block) {
                           return block.text.size() > maximum_block_bytes;
                         });
    if (is_long) f.too_large(fmt::format("a block of more than {} bytes", maximum_block_bytes));
    if (cut.blocks.empty() && !f.at_end) continue;
    f.blocks += cut.blocks.size();
    if (f.blocks > maximum_blocks) f.too_large(fmt::format("more than {} blocks", maximum_blocks));
    std::string rest = f.text.substr(cut.rest);
    f.text.resize(cut.rest);
    f.text.shrink_to_fit();
    CifPortion out{std::make_shared<const std::string>(std::move(f.text)), {}};
    f.text = std::move(rest);
    // The views move with the text where it was short enough to be copied.
    std::size_t at = 0;
    for (const CifBlockText& block : cut.blocks) {
      out.blocks.push_back({std::string_view(*out.text).substr(at, block.text.size()), block.first_line});
      at += block.text.size();
    }
    f.first_line = cut.rest_line;
    return out;
  }
  return std::nullopt;
}

std::vector<CifBlockText> split_blocks(std::string_view text) {
  return cut_blocks(text, 1, true).blocks;
}

namespace {

Cut cut_blocks(std::string_view text, int first_line, bool is_whole) {
  Cut cut;
  std::vector<CifBlockText>& blocks = cut.blocks;
  const auto opens_block = [](std::string_view line) {
    const auto start = line.find_first_not_of(" \t");
    return start != std::string_view::npos && line.size() - start >= 5 &&
           same_tag(line.substr(start, 5), "data_");
  };
  std::size_t block_begin = 0;
  int block_line = first_line;
  bool any_heading = false;
  std::size_t field_begin = 0;  // of an open text field: where to go on if it never ends
  int field_line = 0;
  bool in_field = false;
  int line_number = first_line;
  std::size_t position = 0, ignored_field = std::string_view::npos;
  for (;;) {
    if (position >= text.size()) {
      if (!in_field || !is_whole) break;
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
  cut.rest = is_whole ? text.size() : block_begin;
  cut.rest_line = is_whole ? line_number : block_line;
  if (is_whole && block_begin < text.size()) blocks.push_back({text.substr(block_begin), block_line});
  return cut;
}

}  // namespace

}  // namespace bragg::xrd
