// Members of a zip archive in memory: stored or deflated, as instruments' programs write them. From PKWARE's APPNOTE.TXT
// 6.3.10. Names are keys and never paths: nothing is written to a disk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::data {

/// More members, larger ones or a larger sum of those that are read are refused.
inline constexpr std::size_t most_zip_members = 10'000;
inline constexpr std::uint64_t largest_zip_member = std::uint64_t{64} << 20;
inline constexpr std::uint64_t largest_zip_total = std::uint64_t{256} << 20;
/// Unpacked over packed bytes. XML of measurements reaches 15; deflate can't exceed 1032.
inline constexpr std::uint64_t largest_zip_ratio = 250;

struct ZipMember {
  std::string name;  ///< bytes as they stand in the archive
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0;  ///< bytes
  std::uint64_t header = 0;            ///< where its local header lies
  int method = 0;
  bool is_encrypted = false;
  std::uint64_t begin = 0;  ///< of its packed bytes
};

class ZipArchive {
 public:
  /// Reads the directory at the end of `bytes`, which must outlive the archive. `name` is for messages. Throws Error
  /// "NAME: byte N: reason": cut off, bytes behind its end, split over disks, zip64, too many members, names that come
  /// twice, members that overlap each other or the directory, a local header that says otherwise than the directory.
  ZipArchive(std::string_view bytes, std::string name);

  std::span<const ZipMember> members() const { return members_; }
  /// nullptr: there is none of that name.
  const ZipMember* find(std::string_view name) const;
  /// Unpacked. Throws Error "NAME: byte N: reason": encrypted or another method (by name), more than the limits above,
  /// damaged, of another length or CRC than the directory says.
  std::string read(const ZipMember&) const;

 private:
  [[noreturn]] void fail(std::uint64_t byte, const std::string& reason) const;
  std::uint64_t find_directory(std::uint64_t& count, std::uint64_t& end) const;
  void read_directory();
  void check_local_headers();

  std::string_view bytes_;
  std::string name_;
  std::vector<ZipMember> members_;  ///< in the directory's order
  mutable std::uint64_t unpacked_ = 0;
};

/// Begins as a zip archive does.
bool looks_like_zip(std::string_view bytes);
/// Names of the first members, for recognising what an archive holds: from the directory where it is whole, else from the
/// first local header. At most `most`; never an error.
std::vector<std::string> zip_member_names(std::string_view bytes, std::size_t most = 64);

}  // namespace bragg::data
