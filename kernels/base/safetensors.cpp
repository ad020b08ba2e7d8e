#include "kernels/base/safetensors.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"
#include "kernels/base/file_signature.h"
#include "kernels/base/parse_whole.h"
#include "kernels/base/safetensors_header.h"

namespace bragg {
namespace {

using nlohmann::json;

constexpr std::uint64_t max_header_bytes = 100'000'000;  // the format's own limit

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(fmt::format("{}: {}", path.string(), what));
}

std::optional<DType> dtype_from(const std::string& name) {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::i64, DType::u64, DType::i32,
                            DType::u32, DType::i16, DType::u16, DType::u8})
    if (name_of(dtype) == name) return dtype;
  return std::nullopt;
}

/// Bytes of a tensor; nothing where they do not fit 63 bits.
std::optional<std::uint64_t> bytes_of(DType dtype, const std::vector<std::int64_t>& shape) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(dtype));
  for (const std::int64_t extent : shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::uint64_t unsigned_of(const std::filesystem::path& path, const std::string& name, const char* what,
                          const json& value) {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest)
    fail(path, fmt::format("tensor {}: {} of {} is not a length", quoted_name(name), what,
                           quoted_name(value.dump())));
  return value.get<std::uint64_t>();
}

template <typename Number>
Number parsed(const std::filesystem::path& path, const std::string& key, const std::string& text,
              const char* what) {
  const auto value = parse_whole<Number>(text);
  if (!value) fail(path, fmt::format("{} '{}' is not a {}", key, text, what));
  return *value;
}

struct Extent {
  std::uint64_t begin, end;
  std::string name;
};

/// One entry of the header, checked by itself.
std::pair<TensorInfo, Extent> parse_tensor(const std::filesystem::path& path, const std::string& name,
                                           const json& entry, std::span<const std::byte> data) {
  const auto bad = [&](const std::string& what) {
    fail(path, fmt::format("tensor {}: {}", quoted_name(name), what));
  };
  if (!entry.is_object()) bad("its entry is not a JSON object");
  for (const auto& [key, value] : entry.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets") bad("unknown field " + quoted_name(key));
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!entry.contains(key)) bad(fmt::format("no {}", key));
  if (!entry["dtype"].is_string()) bad("its dtype is not a name");
  const auto dtype_name = entry["dtype"].get<std::string>();
  const auto dtype = dtype_from(dtype_name);
  if (!dtype) bad(fmt::format("dtype {} is not one that bragg reads", quoted_name(dtype_name)));
  if (!entry["shape"].is_array()) bad("its shape is not a list");
  TensorInfo info{*dtype, {}, {}};
  for (const json& extent : entry["shape"])
    info.shape.push_back(static_cast<std::int64_t>(unsigned_of(path, name, "a shape", extent)));
  const json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) bad("its data_offsets are not two numbers");
  const Extent extent{unsigned_of(path, name, "an offset", offsets[0]),
                      unsigned_of(path, name, "an offset", offsets[1]), name};
  if (extent.begin > extent.end || extent.end > data.size())
    bad(fmt::format("data_offsets {}..{} do not lie in the file's {} bytes of data", extent.begin, extent.end,
                    data.size()));
  const auto bytes = bytes_of(*dtype, info.shape);
  if (!bytes || *bytes != extent.end - extent.begin)
    bad(fmt::format("{} [{}] takes {} bytes, but data_offsets {}..{} hold {}", dtype_name,
                    fmt::join(info.shape, ", "), bytes ? std::to_string(*bytes) : "more than 2^63",
                    extent.begin, extent.end, extent.end - extent.begin));
  info.bytes = data.subspan(extent.begin, extent.end - extent.begin);
  return {std::move(info), extent};
}

/// The data must be covered once: no gap, no overlap.
void check_cover(const std::filesystem::path& path, std::vector<Extent> extents, std::uint64_t data_bytes) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::uint64_t covered = 0;
  const Extent* previous = nullptr;
  for (const Extent& e : extents) {
    if (e.begin < covered)
      fail(path, fmt::format("tensor {} at {}..{} overlaps tensor {} at {}..{}", quoted_name(e.name), e.begin,
                             e.end, quoted_name(previous->name), previous->begin, previous->end));
    if (e.begin > covered)
      fail(path, fmt::format("tensor {} begins at {}, but the data before it ends at {}", quoted_name(e.name),
                             e.begin, covered));
    covered = e.end;
    previous = &e;
  }
  if (covered != data_bytes)
    fail(path,
         fmt::format("the tensors end at {}, but the file holds {} bytes of data", covered, data_bytes));
}

}  // namespace

std::int64_t TensorInfo::count() const {
  return static_cast<std::int64_t>(bytes.size() / size_of(dtype));
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path)
    : path_(std::move(path)), map_(path_, "a safetensors file") {
  read(map_.bytes());
}

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, std::string name)
    : path_(std::move(name)) {
  read(bytes);
}

void SafetensorsFile::read(std::span<const std::byte> file) {
  file_ = file;
  if (file.size() < 8) fail(path_, fmt::format("{} bytes are too few for a safetensors file", file.size()));
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  std::uint64_t header_bytes = 0;
  for (int i = 7; i >= 0; --i)
    header_bytes = header_bytes << 8 | bytes[i];
  const bool impossible = header_bytes > file.size() - 8 || header_bytes > max_header_bytes;
  const char* chars = reinterpret_cast<const char*>(file.data());
  const std::string other = resembled_kind({chars, file.size()});
  if (impossible && !other.empty()) fail(path_, fmt::format("not a safetensors file: looks like {}", other));
  if (impossible)
    fail(path_, fmt::format("not a safetensors file, or a truncated one: header of {} bytes in a file of {}",
                            header_bytes, file.size()));
  const char* text = chars + 8;
  if (header_bytes == 0 || text[0] != '{')
    fail(path_, "not a safetensors file: the header is no JSON object");
  const json header = parse_safetensors_header(path_, text, text + header_bytes);

  const std::span<const std::byte> data = file.subspan(8 + header_bytes);
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) fail(path_, "__metadata__ is not a JSON object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fail(path_, fmt::format("metadata {} is not text", quoted_name(key)));
        metadata_.emplace(key, value.get<std::string>());
      }
      continue;
    }
    auto [info, extent] = parse_tensor(path_, name, entry, data);
    tensors_.emplace(name, std::move(info));
    extents.push_back(std::move(extent));
  }
  check_cover(path_, std::move(extents), data.size());
}

const TensorInfo& SafetensorsFile::find(const std::string& name, std::size_t rank) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail(path_, fmt::format("no tensor {}", quoted_name(name)));
  const TensorInfo& info = found->second;
  if (info.shape.size() != rank)
    fail(path_, fmt::format("tensor {} has the shape [{}], not one of rank {}", quoted_name(name),
                            fmt::join(info.shape, ", "), rank));
  return info;
}

const TensorInfo& SafetensorsFile::tensor(const std::string& name, DType dtype, std::size_t rank) const {
  const TensorInfo& info = find(name, rank);
  if (info.dtype != dtype)
    fail(path_,
         fmt::format("tensor {} is {}, not {}", quoted_name(name), name_of(info.dtype), name_of(dtype)));
  return info;
}

const std::string& SafetensorsFile::metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) fail(path_, fmt::format("no metadata {}", quoted_name(key)));
  return found->second;
}

double SafetensorsFile::number(const std::string& key) const {
  return parsed<double>(path_, key, metadata(key), "number");
}

std::uint64_t SafetensorsFile::count(const std::string& key) const {
  return parsed<std::uint64_t>(path_, key, metadata(key), "count");
}

void SafetensorsFile::check_alignment(const std::string& name, const TensorInfo& info) const {
  const std::size_t element = size_of(info.dtype);
  const auto offset = static_cast<std::size_t>(info.bytes.data() - file_.data());
  if (!info.bytes.empty() && offset % element != 0)
    fail(path_,
         fmt::format(
             "tensor {} begins at byte {} of the file, which is not a multiple of its element's {} bytes",
             quoted_name(name), offset, element));
}

void SafetensorsFile::unload(std::span<const std::byte> bytes) const {
  if (!map_.bytes().empty()) map_.unload(bytes);
}

std::vector<std::int64_t> SafetensorsFile::integers(const std::string& name, std::size_t rank) const {
  const TensorInfo& info = find(name, rank);
  const auto widen = [](const auto& values) {
    return std::vector<std::int64_t>(values.begin(), values.end());
  };
  switch (info.dtype) {
    case DType::i64:
      return copy<std::int64_t>(name, rank);
    case DType::u64: {
      const auto values = copy<std::uint64_t>(name, rank);
      for (const std::uint64_t value : values)
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          fail(path_, fmt::format("tensor {}: {} is beyond 63 bits", quoted_name(name), value));
      return widen(values);
    }
    case DType::i32:
      return widen(copy<std::int32_t>(name, rank));
    case DType::u32:
      return widen(copy<std::uint32_t>(name, rank));
    case DType::i16:
      return widen(copy<std::int16_t>(name, rank));
    case DType::u16:
      return widen(copy<std::uint16_t>(name, rank));
    case DType::u8:
      return widen(copy<std::uint8_t>(name, rank));
    case DType::f64:
    case DType::f32:
    case DType::bf16:
      break;
  }
  fail(path_, fmt::format("tensor {} is {}, not of an integer type", quoted_name(name), name_of(info.dtype)));
}

void SafetensorsWriter::metadata(std::string key, std::string value) {
  metadata_.insert_or_assign(std::move(key), std::move(value));
}

void SafetensorsWriter::add(std::string name, DType dtype, std::vector<std::int64_t> shape,
                            std::span<const std::byte> bytes) {
  const auto expected = bytes_of(dtype, shape);
  if (!expected || *expected != bytes.size())
    throw Error(fmt::format("[safetensors] tensor {}: {} [{}] takes {} bytes, not {}", quoted_name(name),
                            name_of(dtype), fmt::join(shape, ", "),
                            expected ? std::to_string(*expected) : "more than 2^63", bytes.size()));
  add(Entry{std::move(name), dtype, std::move(shape), 0, bytes, {}});
}

void SafetensorsWriter::add(Entry entry) {
  if (entry.name == "__metadata__" ||
      std::any_of(entries_.begin(), entries_.end(), [&](auto& e) { return e.name == entry.name; }))
    throw Error(fmt::format("[safetensors] the name {} is taken", quoted_name(entry.name)));
  const auto bytes = bytes_of(entry.dtype, entry.shape);
  if (!bytes)
    throw Error(fmt::format("[safetensors] tensor {}: {} [{}] takes more than 2^63 bytes",
                            quoted_name(entry.name), name_of(entry.dtype), fmt::join(entry.shape, ", ")));
  entry.size = *bytes;
  entries_.push_back(std::move(entry));
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  std::vector<const Entry*> order;
  for (const Entry& entry : entries_)
    order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    const std::size_t wide_a = size_of(a->dtype), wide_b = size_of(b->dtype);
    return wide_a != wide_b ? wide_a > wide_b : a->name < b->name;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  std::uint64_t offset = 0;
  for (const Entry* entry : order) {
    header[entry->name] = {{"dtype", name_of(entry->dtype)},
                           {"shape", entry->shape},
                           {"data_offsets", {offset, offset + entry->size}}};
    offset += entry->size;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& e) {
    fail(path, fmt::format("a name or metadata is not UTF-8: {}", e.what()));
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // the data begins at a multiple of 8

  AtomicFile file(path);
  unsigned char length[8];
  for (int i = 0; i < 8; ++i)
    length[i] = static_cast<unsigned char>(text.size() >> (8 * i));
  file.write(length, sizeof length);
  file.write(text);
  for (const Entry* entry : order) {
    if (!entry->produce) {
      file.write(entry->bytes.data(), entry->size);
      continue;
    }
    std::uint64_t written = 0;
    const auto refuse = [&](std::string_view relation) {
      fail(path, fmt::format("tensor {} takes {} bytes, {} {} were given", quoted_name(entry->name),
                             entry->size, relation, written));
    };
    entry->produce([&](std::span<const std::byte> bytes) {
      written += bytes.size();
      if (written > entry->size) refuse("at least");
      file.write(bytes.data(), bytes.size());
    });
    if (written != entry->size) refuse("only");
  }
  file.commit();
}

}  // namespace bragg
