// Any bytes as a library of structures: as the file, as its unpacked head, or as an unpacked block behind a head
// with one setting and one source. The first byte says which; checksums and lengths of the two latter are made
// right.
#include <cstdint>
#include <string>
#include <string_view>

#include "data/library/library.h"
#include "data/library/library_format.h"
#include "data/library/library_head.h"
#include "data/library/packed_columns.h"
#include "kernels/base/error.h"

namespace {

using namespace bragg;

void read_all(const std::string& file) {
  try {
    const data::Library library(std::as_bytes(std::span(file)), "fuzz");
    for (std::int64_t i = 0; i < library.size(); ++i) {
      try {
        library.entry(i);
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
}

std::string with_head(std::string_view bytes) {
  const std::string packed = data::deflated(bytes);
  data::ColumnWriter file;
  file.raw(data::library_magic);
  file.u32(data::library_format_version);
  file.u32(static_cast<std::uint32_t>(packed.size()));
  file.u32(static_cast<std::uint32_t>(bytes.size()));
  file.u32(data::crc_of(bytes));
  file.raw(packed);
  return file.bytes();
}

std::string with_block(std::string_view bytes) {
  data::LibraryHead head;
  head.settings.push_back(
      {.number = 1, .hm = "P 1", .hall = "P 1", .operators = {{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}}}});
  head.sources.push_back({"name", "class", "terms"});
  const std::string packed = data::deflated(bytes);
  head.blocks.push_back({.crystals = 1,
                         .size = static_cast<std::uint32_t>(bytes.size()),
                         .crc = data::crc_of(bytes),
                         .packed = static_cast<std::uint32_t>(packed.size())});
  return data::library_head_bytes(head) + packed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  switch (bytes[0] % 3) {
    case 0:
      read_all(std::string(rest));
      break;
    case 1:
      read_all(with_head(rest));
      break;
    default:
      read_all(with_block(rest));
  }
  return 0;
}
