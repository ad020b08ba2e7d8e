#include "data/formats/zip_archive.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <zlib.h>

#include "data/formats/header_radiation.h"  // for quoted_line
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50, directory_signature = 0x02014b50,
                        end_signature = 0x06054b50, zip64_locator_signature = 0x07064b50;
constexpr std::uint64_t local_bytes = 30, directory_bytes = 46, end_bytes = 22, zip64_locator_bytes = 20;
constexpr std::uint64_t longest_comment = 0xffff;

/// Little-endian; the caller has checked that the bytes are there.
std::uint16_t u16(std::string_view bytes, std::uint64_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) |
                                    static_cast<unsigned char>(bytes[at + 1]) << 8);
}
std::uint32_t u32(std::string_view bytes, std::uint64_t at) {
  return u16(bytes, at) | static_cast<std::uint32_t>(u16(bytes, at + 2)) << 16;
}

std::string method_name(int method) {
  switch (method) {
    case 1:
      return "shrink";
    case 6:
      return "implode";
    case 9:
      return "deflate64";
    case 12:
      return "bzip2";
    case 14:
      return "LZMA";
    case 93:
      return "Zstandard";
    case 95:
      return "xz";
    case 98:
      return "PPMd";
    case 99:
      return "AES encryption";
    default:
      return "unknown";
  }
}

/// Where the record at the end lies: the last signature whose comment reaches the end. npos: there is none.
std::uint64_t find_end(std::string_view bytes) {
  if (bytes.size() < end_bytes) return std::string_view::npos;
  const std::uint64_t last = bytes.size() - end_bytes;
  for (std::uint64_t i = 0; i <= std::min(last, longest_comment); ++i) {
    const std::uint64_t at = last - i;
    if (u32(bytes, at) == end_signature && u16(bytes, at + 20) == i) return at;
  }
  return std::string_view::npos;
}

/// zlib's state of raw deflate, ended in any case.
class Inflater {
 public:
  Inflater() : is_good_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  ~Inflater() {
    if (is_good_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Empty where `packed` gives exactly the bytes of `out` and ends there; else why not.
  std::string unpack(std::string_view packed, std::string& out) {
    if (!is_good_) return "no memory to unpack it";
    // zlib takes no const input; it doesn't write there. Sizes were checked against limits far below 4 GiB.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    // One byte more than is due shows a stream that goes on.
    const std::size_t due = out.size();
    out.resize(due + 1);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream_, Z_FINISH);
    const std::size_t got = out.size() - stream_.avail_out;
    out.resize(due);
    if (got > due) return fmt::format("unpacks to more than the {} bytes that the directory says", due);
    if (code != Z_STREAM_END) {
      const char* why = stream_.msg ? stream_.msg : "the packed bytes end too early";
      return fmt::format("its packed bytes are damaged: {}", why);
    }
    if (got != due) return fmt::format("unpacks to {} bytes, the directory says {}", got, due);
    if (stream_.avail_in != 0) return fmt::format("{} packed bytes behind its end", stream_.avail_in);
    return {};
  }

 private:
  z_stream stream_{};
  bool is_good_;
};

}  // namespace

ZipArchive::ZipArchive(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {
  read_directory();
  check_local_headers();
}

void ZipArchive::fail(std::uint64_t byte, const std::string& reason) const {
  throw Error(fmt::format("{}: byte {}: {}", name_, byte, reason));
}

std::uint64_t ZipArchive::find_directory(std::uint64_t& count, std::uint64_t& end) const {
  end = find_end(bytes_);
  if (end == std::string_view::npos)
    fail(bytes_.size(), "the zip archive has no directory at its end: it is cut off or damaged");
  if (end >= zip64_locator_bytes && u32(bytes_, end - zip64_locator_bytes) == zip64_locator_signature)
    fail(end - zip64_locator_bytes, "a zip64 archive, which is not read; pack it again without zip64");
  const std::uint64_t here = u16(bytes_, end + 8), size = u32(bytes_, end + 12),
                      begin = u32(bytes_, end + 16);
  count = u16(bytes_, end + 10);
  if (count == 0xffff || size == 0xffffffff || begin == 0xffffffff)
    fail(end, "a zip64 archive, which is not read; pack it again without zip64");
  if (u16(bytes_, end + 4) != 0 || u16(bytes_, end + 6) != 0 || here != count)
    fail(end,
         fmt::format("an archive that is split over several disks ({} of {} members here)", here, count));
  if (begin + size != end) {
    fail(end,
         fmt::format("the directory of {} bytes at byte {} does not end at byte {}, where its end is said",
                     size, begin, end));
  }
  if (count > most_zip_members)
    fail(end, fmt::format("{} members; at most {} are read", count, most_zip_members));
  return begin;
}

void ZipArchive::read_directory() {
  std::uint64_t count = 0, end = 0;
  std::uint64_t at = find_directory(count, end);
  std::set<std::string_view> names;
  members_.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (end - at < directory_bytes)
      fail(at, fmt::format("the directory ends after {} of {} members", i, count));
    if (u32(bytes_, at) != directory_signature)
      fail(at, fmt::format("no entry of the directory where member {} of {} should be", i + 1, count));
    const std::uint64_t name = u16(bytes_, at + 28), extra = u16(bytes_, at + 30),
                        comment = u16(bytes_, at + 32);
    const std::uint64_t bytes = directory_bytes + name + extra + comment;
    if (end - at < bytes) fail(at, fmt::format("the entry of member {} reaches beyond the directory", i + 1));
    ZipMember member;
    member.name = bytes_.substr(at + directory_bytes, name);
    member.is_encrypted = (u16(bytes_, at + 8) & 1) != 0;
    member.method = u16(bytes_, at + 10);
    member.crc = u32(bytes_, at + 16);
    member.packed = u32(bytes_, at + 20);
    member.size = u32(bytes_, at + 24);
    member.header = u32(bytes_, at + 42);
    if (member.packed == 0xffffffff || member.size == 0xffffffff || member.header == 0xffffffff)
      fail(at, fmt::format("{} is in zip64, which is not read", quoted_line(member.name)));
    if (u16(bytes_, at + 34) != 0) fail(at, fmt::format("{} lies on another disk", quoted_line(member.name)));
    if (!names.insert(bytes_.substr(at + directory_bytes, name)).second)
      fail(at, fmt::format("two members are named {}", quoted_line(member.name)));
    members_.push_back(std::move(member));
    at += bytes;
  }
  if (at != end) fail(at, fmt::format("{} bytes behind the last of {} members", end - at, count));
}

void ZipArchive::check_local_headers() {
  std::uint64_t count = 0, end = 0;
  const std::uint64_t directory = find_directory(count, end);
  std::vector<ZipMember*> by_place;
  for (ZipMember& member : members_) {
    const std::uint64_t at = member.header;
    const std::string shown = quoted_line(member.name);
    if (at + local_bytes > directory || u32(bytes_, at) != local_signature)
      fail(std::min<std::uint64_t>(at, bytes_.size()), fmt::format("no header of {} there", shown));
    const std::uint64_t name = u16(bytes_, at + 26), extra = u16(bytes_, at + 28);
    member.begin = at + local_bytes + name + extra;
    if (member.begin + member.packed > directory) {
      fail(at, fmt::format("{} of {} bytes reaches beyond byte {}, where the directory begins", shown,
                           member.packed, directory));
    }
    if (bytes_.substr(at + local_bytes, name) != member.name)
      fail(at, fmt::format("{} has another name in its own header", shown));
    const bool sizes_follow = (u16(bytes_, at + 6) & 8) != 0;
    if (u16(bytes_, at + 8) != member.method ||
        (!sizes_follow && (u32(bytes_, at + 18) != member.packed || u32(bytes_, at + 22) != member.size ||
                           u32(bytes_, at + 14) != member.crc))) {
      fail(at, fmt::format("the header of {} says otherwise than the directory", shown));
    }
    by_place.push_back(&member);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](const ZipMember* a, const ZipMember* b) { return a->header < b->header; });
  for (std::size_t i = 1; i < by_place.size(); ++i) {
    const ZipMember &before = *by_place[i - 1], &after = *by_place[i];
    if (before.begin + before.packed > after.header) {
      fail(after.header, fmt::format("{} overlaps {}", quoted_line(after.name), quoted_line(before.name)));
    }
  }
}

const ZipMember* ZipArchive::find(std::string_view name) const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [&](const ZipMember& m) { return m.name == name; });
  return found == members_.end() ? nullptr : &*found;
}

std::string ZipArchive::read(const ZipMember& member) const {
  const std::string shown = quoted_line(member.name);
  if (member.is_encrypted) fail(member.header, fmt::format("{} is encrypted", shown));
  if (member.method != 0 && member.method != 8) {
    fail(member.header, fmt::format("{} is packed by method {} ({}); only deflate is read", shown,
                                    member.method, method_name(member.method)));
  }
  if (member.size > largest_zip_member) {
    fail(member.header,
         fmt::format("{} has {} bytes; at most {} are read", shown, member.size, largest_zip_member));
  }
  if (member.size > largest_zip_ratio * std::max<std::uint64_t>(member.packed, 1)) {
    fail(member.header, fmt::format("{} unpacks from {} to {} bytes; at most {} times as many are read",
                                    shown, member.packed, member.size, largest_zip_ratio));
  }
  unpacked_ += member.size;
  if (unpacked_ > largest_zip_total)
    fail(member.header, fmt::format("more than {} bytes in all", largest_zip_total));
  const std::string_view packed = bytes_.substr(member.begin, member.packed);
  std::string text;
  if (member.method == 0) {
    if (member.packed != member.size)
      fail(member.header,
           fmt::format("{} is stored in {} bytes, but has {}", shown, member.packed, member.size));
    text = packed;
  } else {
    text.resize(member.size);
    const std::string why = Inflater().unpack(packed, text);
    if (!why.empty()) fail(member.header, fmt::format("{}: {}", shown, why));
  }
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  // else no mutant would reach what reads the members
  const auto crc = static_cast<std::uint32_t>(crc32(
      crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  if (crc != member.crc) {
    fail(member.header,
         fmt::format("{} is damaged: its CRC is {:08x}, the directory says {:08x}", shown, crc, member.crc));
  }
#endif
  return text;
}

bool looks_like_zip(std::string_view bytes) {
  return bytes.size() >= 4 && u32(bytes, 0) == local_signature;
}

std::vector<std::string> zip_member_names(std::string_view bytes, std::size_t most) {
  std::vector<std::string> names;
  if (!looks_like_zip(bytes)) return names;
  const std::uint64_t end = find_end(bytes);
  if (end != std::string_view::npos) {
    for (std::uint64_t at = u32(bytes, end + 16); at + directory_bytes <= end && names.size() < most;) {
      if (u32(bytes, at) != directory_signature) break;
      const std::uint64_t name = u16(bytes, at + 28);
      if (at + directory_bytes + name > end) break;
      names.emplace_back(bytes.substr(at + directory_bytes, name));
      at += directory_bytes + name + u16(bytes, at + 30) + u16(bytes, at + 32);
    }
  }
  if (names.empty() && bytes.size() >= local_bytes)
    names.emplace_back(bytes.substr(local_bytes, u16(bytes, 26)));
  return names;
}

}  // namespace bragg::data
