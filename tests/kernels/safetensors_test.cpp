#include "kernels/base/safetensors.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg {
namespace {

class Safetensors : public ::testing::Test {
 protected:
  void SetUp() override { path_ = folder_ / "file.safetensors"; }

  void write_raw(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  void write_file(const std::string& header, const std::string& data) { write_raw(framed(header) + data); }
  static std::string framed(const std::string& header) {
    std::string length;
    for (int i = 0; i < 8; ++i)
      length += static_cast<char>(header.size() >> (8 * i));
    return length + header;
  }
  std::string raw() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// The message of the Error that `call` throws.
  static std::string error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }
  std::string open_error() const {
    return error_of([&] { SafetensorsFile file(path_); });
  }

  tests::TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  std::filesystem::path path_;
};

void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin: " << text;
}

TEST_F(Safetensors, RoundTripKeepsEveryTypeAlignedAndInOrder) {
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  const std::vector<std::int32_t> ints{-1, 7, std::numeric_limits<std::int32_t>::min()};
  const std::vector<double> doubles{0.1, -1e300};
  const std::vector<std::uint16_t> halves{65535};
  const std::vector<float> none;
  SafetensorsWriter writer;
  writer.add<std::uint8_t>("a bytes", {3}, bytes);
  writer.add<std::int32_t>("ints", {3, 1}, ints);
  writer.add<double>("zz \"doubles\" \xC3\xA9", {2}, doubles);
  writer.add<std::uint16_t>("scalar", {}, halves);
  writer.add<float>("none", {0, 8500}, none);
  writer.metadata("who", "bragg \xE2\x84\xAB");
  writer.write(path_);

  const SafetensorsFile file(path_);
  EXPECT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(file.metadata("who"), "bragg \xE2\x84\xAB");
  const auto same = [](const auto& got, const auto& expected) {
    return std::equal(got.begin(), got.end(), expected.begin(), expected.end());
  };
  EXPECT_TRUE(same(file.data<std::uint8_t>("a bytes", 1), bytes));
  EXPECT_TRUE(same(file.data<std::int32_t>("ints", 2), ints));
  EXPECT_TRUE(same(file.data<double>("zz \"doubles\" \xC3\xA9", 1), doubles));
  EXPECT_TRUE(same(file.data<std::uint16_t>("scalar", 0), halves));
  EXPECT_EQ(file.data<float>("none", 2).size(), 0u);
  EXPECT_EQ(file.tensors().at("none").shape, (std::vector<std::int64_t>{0, 8500}));
  EXPECT_EQ(file.integers("ints", 2),
            (std::vector<std::int64_t>{-1, 7, std::numeric_limits<std::int32_t>::min()}));
  EXPECT_EQ(file.integers("scalar", 0), (std::vector<std::int64_t>{65535}));
}

TEST_F(Safetensors, SameContentSameBytesWhateverTheOrderOfAdding) {
  const std::vector<std::int64_t> a{1, 2};
  const std::vector<float> b{3, 4, 5};
  const auto write = [&](bool a_first) {
    SafetensorsWriter writer;
    if (a_first) writer.add<std::int64_t>("a", {2}, a);
    writer.add<float>("b", {3}, b);
    if (!a_first) writer.add<std::int64_t>("a", {2}, a);
    writer.metadata("k", "v");
    writer.write(path_);
    return raw();
  };
  EXPECT_EQ(write(true), write(false));
}

TEST_F(Safetensors, KnownBytes) {
  write_file(R"({"t":{"dtype":"U16","shape":[2],"data_offsets":[0,4]}})", std::string("\x01\x02\xff\x00", 4));
  EXPECT_EQ(SafetensorsFile(path_).copy<std::uint16_t>("t", 1), (std::vector<std::uint16_t>{0x0201, 0x00ff}));
  const std::vector<std::uint16_t> values{0x0201, 0x00ff};
  SafetensorsWriter writer;
  writer.add<std::uint16_t>("t", {2}, values);
  writer.write(path_);
  // The header is padded to a multiple of 8 with blanks.
  EXPECT_EQ(raw(), framed("{\"t\":{\"dtype\":\"U16\",\"shape\":[2],\"data_offsets\":[0,4]}}  ") +
                       std::string("\x01\x02\xff\x00", 4));
}

TEST_F(Safetensors, HostileHeadersAreErrorsThatNameFileTensorAndValues) {
  struct Case {
    std::string header, data;
    std::vector<std::string> parts;
  };
  const std::string four(4, 'x'), eight(8, 'x');
  const std::vector<Case> cases = {
      {R"([])", "", {"JSON object"}},
      {R"({"t":)", "", {"not valid JSON"}},
      {R"({"t":{}})", "", {"\"t\"", "no dtype"}},
      {R"({"t":7})", "", {"\"t\"", "not a JSON object"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", four, {"\"t\"", "\"more\""}},
      {R"({"t":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", four, {"\"t\"", "F8_E4M3"}},
      {R"({"t":{"dtype":32,"shape":[1],"data_offsets":[0,4]}})", four, {"\"t\"", "dtype"}},
      {R"({"t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four, {"\"t\"", "shape", "-1"}},
      {R"({"t":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", four, {"\"t\"", "shape", "1.0"}},
      {R"({"t":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", four, {"\"t\"", "shape"}},
      {R"({"t":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", four, {"\"t\"", "shape"}},
      {R"({"t":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})",
       four,
       {"18446744073709551615"}},
      {R"({"t":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})",
       four,
       {"\"t\"", "shape"}},
      // The product of the shape wraps to 1 element in 64 bits.
      {R"({"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})",
       four,
       {"\"t\"", "4294967296"}},
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
       four,
       {"\"t\"", "takes 8 bytes", "hold 4"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       std::string(3, 'x'),
       {"\"t\"", "0..4", "3 bytes"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four, {"\"t\"", "4..0"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", four, {"\"t\"", "-4"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", four, {"\"t\"", "data_offsets"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}})",
       four,
       {"18446744073709551612"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight, {"end at 4", "8 bytes"}},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       eight,
       {"\"t\"", "begins at 4", "ends at 0"}},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U16","shape":[3],"data_offsets":[2,8]}})",
       eight,
       {"\"b\" at 2..8", "overlaps", "\"a\" at 0..4"}},
      {R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
       four,
       {"\"t\"", "twice"}},
      {R"({"__metadata__":{"k":"a","k":"b"}})", "", {"\"k\"", "twice"}},
      {R"({"__metadata__":{"k":1}})", "", {"\"k\"", "not text"}},
      {R"({"__metadata__":[]})", "", {"__metadata__"}},
      {"{\"t\xff\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", four, {"not valid JSON"}},
      {R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} trailing)", four, {"not valid JSON"}},
      {R"({"t":[[[[[[[[]]]]]]]]})", "", {"nested"}},
      {"{\"t\":" + std::string(100000, '['), "", {"nested"}},
  };
  for (const Case& c : cases) {
    write_file(c.header, c.data);
    const std::string message = open_error();
    expect_contains(message, {path_.c_str()});
    expect_contains(message, c.parts);
  }
}

TEST_F(Safetensors, ManyTensorsAreReadInTimeProportionalToTheirNumber) {
  std::string header = "{";
  constexpr int count = 40'000;
  for (int i = 0; i < count; ++i)
    header += fmt::format("{}\"t{}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                          i > 0 ? "," : "", i);
  write_file(header + "}", "");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(SafetensorsFile(path_).tensors().size(), static_cast<std::size_t>(count));
  // 100 s where it is quadratic.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(Safetensors, TruncatedAndForeignFilesAreErrors) {
  const std::vector<float> values(100, 1.0f);
  SafetensorsWriter writer;
  writer.add<float>("t", {100}, values);
  writer.metadata("k", "v");
  writer.write(path_);
  const std::string whole = raw();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_raw(whole.substr(0, length));
    expect_contains(open_error(), {path_.c_str()});
  }
  write_raw(whole + "x");
  expect_contains(open_error(), {"end at 400", "401 bytes"});
  write_raw(std::string(8, '\xff') + "{}");
  expect_contains(open_error(), {"header of 18446744073709551615 bytes", "file of 10"});
  // A header that would end one byte behind the file, though it is shorter than the file.
  write_raw(std::string("\x03\0\0\0\0\0\0\0{}", 10));
  expect_contains(open_error(), {"header of 3 bytes", "file of 10"});
  write_raw(std::string(4096, '\0'));
  expect_contains(open_error(), {"not a safetensors file"});
  write_raw("\x89PNG\r\n\x1a\n some picture");
  expect_contains(open_error(), {"not a safetensors file"});
  path_ = folder_;
  expect_contains(open_error(), {"a folder, not a safetensors file"});
  path_ = folder_ / "absent";
  expect_contains(open_error(), {"cannot open"});
}

// Any single corrupted byte of the header gives an Error or a file whose tensors lie inside it; the sanitizer
// builds see a read outside the map.
TEST_F(Safetensors, EveryCorruptedHeaderByteIsSafe) {
  const std::vector<std::uint16_t> a{1, 2, 3};
  const std::vector<float> b{1, 2};
  SafetensorsWriter writer;
  writer.add<std::uint16_t>("a", {3}, a);
  writer.add<float>("b", {2}, b);
  writer.metadata("k", "v");
  writer.write(path_);
  const std::string whole = raw();
  int refused = 0, opened = 0;
  for (std::size_t at = 0; at < whole.size() - 14; ++at)
    for (const unsigned char flip : {0x01, 0x02, 0x10, 0x40, 0x80, 0xff}) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      write_raw(bad);
      try {
        const SafetensorsFile file(path_);
        std::size_t bytes = 0;
        unsigned sum = 0;
        for (const auto& [name, info] : file.tensors()) {
          bytes += info.bytes.size();
          for (const std::byte x : info.bytes)
            sum += static_cast<unsigned>(x);
        }
        EXPECT_LE(bytes, 14u);
        EXPECT_LE(sum, 14u * 255u);
        ++opened;
      } catch (const Error& e) {
        expect_contains(e.what(), {path_.c_str()});
        ++refused;
      }
    }
  EXPECT_GT(refused, 100);
  EXPECT_GT(opened, 10);  // letters of names and metadata
}

TEST_F(Safetensors, WrongRequestsNameBothSides) {
  const std::vector<float> values{1, 2};
  SafetensorsWriter writer;
  writer.add<float>("t", {2}, values);
  writer.write(path_);
  const SafetensorsFile file(path_);
  expect_contains(error_of([&] { file.tensor("u", DType::f32, 1); }), {path_.c_str(), "no tensor \"u\""});
  expect_contains(error_of([&] { file.data<double>("t", 1); }), {"\"t\"", "F32", "F64"});
  expect_contains(error_of([&] { file.data<float>("t", 2); }), {"\"t\"", "[2]", "rank 2"});
  expect_contains(error_of([&] { file.integers("t", 1); }), {"\"t\"", "F32"});
  expect_contains(error_of([&] { file.metadata("absent"); }), {path_.c_str(), "\"absent\""});
}

TEST_F(Safetensors, MisalignedTensorOfAForeignFileIsCopiedOrRefused) {
  std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U16","shape":[1],"data_offsets":[1,3]}})";
  header.append(header.size() % 2, ' ');  // so that b begins at an odd byte
  write_file(header, std::string("\x07\x34\x12", 3));
  const SafetensorsFile file(path_);
  expect_contains(error_of([&] { file.data<std::uint16_t>("b", 1); }), {"\"b\"", "not a multiple"});
  EXPECT_EQ(file.copy<std::uint16_t>("b", 1).at(0), 0x1234);
  EXPECT_EQ(file.integers("b", 1).at(0), 0x1234);
}

TEST_F(Safetensors, WriterRefusesWhatItCouldNotReadBack) {
  const std::vector<float> values{1, 2};
  SafetensorsWriter writer;
  writer.add<float>("t", {2}, values);
  expect_contains(error_of([&] { writer.add<float>("t", {2}, values); }), {"\"t\"", "taken"});
  expect_contains(error_of([&] { writer.add<float>("__metadata__", {2}, values); }), {"__metadata__"});
  expect_contains(error_of([&] { writer.add<float>("u", {3}, values); }), {"\"u\"", "12 bytes", "not 8"});
  expect_contains(error_of([&] { writer.add<float>("u", {-1, -2}, values); }), {"\"u\""});
  writer.metadata("k", "\xff");
  expect_contains(error_of([&] { writer.write(path_); }), {path_.c_str(), "UTF-8"});
  EXPECT_TRUE(std::filesystem::is_empty(folder_));  // nothing half-written
}

TEST_F(Safetensors, FailedWriteKeepsTheOldFileAndLeavesNothingBeside) {
  const std::vector<float> values{1, 2};
  SafetensorsWriter good;
  good.add<float>("t", {2}, values);
  good.write(path_);
  const std::string before = raw();
  SafetensorsWriter bad;
  bad.metadata("k", "\xff");
  EXPECT_THROW(bad.write(path_), Error);
  EXPECT_EQ(raw(), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  expect_contains(error_of([&] { good.write(folder_ / "absent" / "x.safetensors"); }), {"absent"});
}

TEST_F(Safetensors, MovedFileKeepsItsMap) {
  const std::vector<float> values{1, 2};
  SafetensorsWriter writer;
  writer.add<float>("t", {2}, values);
  writer.write(path_);
  SafetensorsFile first(path_);
  SafetensorsFile second(std::move(first));
  SafetensorsFile third(path_);
  third = std::move(second);
  EXPECT_EQ(third.data<float>("t", 1)[1], 2.0f);
}

TEST_F(Safetensors, BytesInMemoryAreReadWhereTheyLie) {
  const std::vector<float> floats(20'000, 1.5f);  // several pages
  SafetensorsWriter writer;
  writer.add<float>("floats", {20'000}, floats);
  writer.metadata("who", "bragg");
  writer.write(path_);
  const std::string bytes = raw();
  const auto view = std::as_bytes(std::span(bytes));
  SafetensorsFile file(view, "inside");
  EXPECT_EQ(file.path(), "inside");
  EXPECT_EQ(file.metadata("who"), "bragg");
  EXPECT_EQ(file.tensors().at("floats").bytes.data(),
            view.data() + view.size() - floats.size() * sizeof(float));
  // What is copied of a mapped file is taken off its pages; memory must stay what it is.
  EXPECT_EQ(file.copy<float>("floats", 1), floats);
  EXPECT_EQ(bytes, raw());
  const SafetensorsFile moved = std::move(file);
  EXPECT_EQ(moved.copy<float>("floats", 1), floats);
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, view.size() - 1})
    expect_contains(error_of([&] { SafetensorsFile part(view.first(size), "inside"); }), {"inside: "});
}

TEST(SafetensorsShared, ReadsTheMeasuredPatterns) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "rruff_dev.safetensors");
  const SafetensorsFile file(path);
  EXPECT_EQ(file.tensors().size(), 4u);
  const auto patterns = file.data<std::uint16_t>("patterns", 2);
  ASSERT_EQ(patterns.size(), 453u * 8500u);
  EXPECT_EQ(*std::max_element(patterns.begin(), patterns.end()), 1000);
  for (const std::int64_t group : file.integers("space_group", 1))
    EXPECT_TRUE(group >= 1 && group <= 230) << group;
  // This tensor starts at an odd byte.
  EXPECT_EQ(file.integers("group", 1).size(), 453u);
  EXPECT_THROW(file.data<std::uint16_t>("group", 1), Error);
  EXPECT_EQ(file.metadata("points"), "8500");
}

}  // namespace
}  // namespace bragg
