#include "tests/data/format_samples.h"

#include <cmath>
#include <random>
#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

namespace bragg::data {
namespace {

void put(std::string& bytes, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i)
    bytes += static_cast<char>(i < 8 ? value >> 8 * i & 0xff : 0);
}

std::string deflated(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflate");
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

void expect_sound(const std::vector<Scan>& scans) {
  ASSERT_FALSE(scans.empty());
  for (const Scan& scan : scans) {
    ASSERT_GE(scan.x.size(), 2u);
    ASSERT_EQ(scan.x.size(), scan.intensity.size());
    if (!scan.uncertainty.empty()) {
      ASSERT_EQ(scan.x.size(), scan.uncertainty.size());
    }
    for (std::size_t i = 0; i < scan.x.size(); ++i)
      ASSERT_TRUE(std::isfinite(scan.x[i]) && std::isfinite(scan.intensity[i])) << i;
  }
}

}  // namespace

std::string zip_of(const std::vector<PackedFile>& files) {
  std::string bytes, directory;
  for (const PackedFile& file : files) {
    const std::string packed = file.deflated ? deflated(file.text) : file.text;
    std::string common;  // from the version that is needed to the length of the extra field
    put(common, 20, 2);
    put(common, 0, 2);
    put(common, file.deflated ? 8 : 0, 2);
    put(common, 0, 4);
    put(common,
        crc32(0, reinterpret_cast<const Bytef*>(file.text.data()), static_cast<uInt>(file.text.size())), 4);
    put(common, packed.size(), 4);
    put(common, file.text.size(), 4);
    put(common, file.name.size(), 2);
    put(common, 0, 2);
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 2 + 2 + 2 + 4);
    put(directory, bytes.size(), 4);
    directory += file.name;
    put(bytes, 0x04034b50, 4);
    bytes += common + file.name + packed;
  }
  const std::size_t begin = bytes.size();
  bytes += directory;
  put(bytes, 0x06054b50, 4);
  put(bytes, 0, 4);
  put(bytes, files.size(), 2);
  put(bytes, files.size(), 2);
  put(bytes, directory.size(), 4);
  put(bytes, begin, 4);
  put(bytes, 0, 2);
  return bytes;
}

std::string XrdmlText::text() const {
  std::string where = positions, values = intensities;
  if (where.empty())
    where = fmt::format("<startPosition>10</startPosition><endPosition>{}</endPosition>",
                        10 + 0.02 * (points - 1));
  if (values.empty()) {
    values = "<counts unit=\"counts\">";
    for (int i = 0; i < points; ++i)
      values += fmt::format("{} ", 100 + i);
    values += "</counts>";
  }
  return fmt::format(R"(<?xml version="1.0"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/{}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<comment><entry>Diffractometer system=EMPYREAN, Owner=x</entry></comment>
<sample><id>S 1</id><name>quartz</name></sample>
<xrdMeasurement {}>
<usedWavelength intended="K-Alpha 1"><kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2>1.5444260</kAlpha2>
<kBeta>1.3922500</kBeta><ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1></usedWavelength>
<incidentBeamPath><xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube><filter name="Beta-filter Nickel"/>{}
</incidentBeamPath>
<scan {}><header><startTimeStamp>2024-04-12T11:05:06-07:00</startTimeStamp></header>
<dataPoints><positions axis="2Theta" unit="deg">{}</positions>
<positions axis="Omega" unit="deg"><commonPosition>5</commonPosition></positions>
<commonCountingTime unit="seconds">13.77</commonCountingTime>{}{}</dataPoints></scan>
</xrdMeasurement></xrdMeasurements>)",
                     version, measurement, slit, scan, where, more, values);
}

std::vector<Scan> scans_of(const Format& format, const std::string& bytes, const std::string& name) {
  ReadScans read = format.read({bytes, name});
  for (Scan& scan : read.scans)
    scan.warnings.insert(scan.warnings.end(), read.warnings.begin(), read.warnings.end());
  return std::move(read.scans);
}

std::string refusal(const Format& format, const std::string& bytes) {
  try {
    format.read({bytes, "sample"});
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

void expect_bounded(const Format& format, const std::string& bytes, std::size_t step) {
  ASSERT_TRUE(format.looks_like(bytes));
  for (std::size_t size = 0; size < bytes.size(); size += step) {
    format.looks_like(std::string_view(bytes).substr(0, size));
    try {
      for (const Scan& scan : scans_of(format, bytes.substr(0, size), "cut"))
        EXPECT_FALSE(scan.warnings.empty()) << "the first " << size << " bytes are read without a word";
    } catch (const Error&) {
    }
  }
  std::mt19937 random(19);
  for (int round = 0; round < 400; ++round) {
    std::string mutant = bytes;
    for (int i = 0; i < 1 + round % 4; ++i)
      mutant[random() % mutant.size()] = static_cast<char>(random() % 256);
    try {
      expect_sound(scans_of(format, mutant, "mutant"));
    } catch (const Error&) {
    }
  }
}

void expect_bounded_members(const Format& format, const std::vector<PackedFile>& files) {
  std::mt19937 random(1919);
  for (std::size_t member = 0; member < files.size(); ++member) {
    SCOPED_TRACE(files[member].name);
    int read = 0, refused = 0;
    for (int round = 0; round < 600; ++round) {
      std::vector<PackedFile> mutant = files;
      std::string& text = mutant[member].text;
      if (text.empty()) break;
      // A digit for a digit gets past the XML, to the numbers.
      for (int i = 0; i < 1 + round % 3; ++i) {
        const std::size_t at = random() % text.size();
        const bool is_digit = text[at] >= '0' && text[at] <= '9';
        text[at] = static_cast<char>(is_digit && round % 2 == 0 ? '0' + random() % 10 : random() % 256);
      }
      if (round % 8 == 7) text.resize(random() % text.size());
      try {
        expect_sound(scans_of(format, zip_of(mutant), "mutant"));
        ++read;
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("CRC"), std::string::npos) << error.what();
        ++refused;
      }
    }
    EXPECT_GT(read, 0);
    EXPECT_GT(refused, 0);
  }
}

}  // namespace bragg::data
