#include "data/formats/bruker_raw.h"

#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "data/formats/bruker_raw_versions.h"
#include "data/formats/scan_parts.h"
#include "data/formats/scan_pattern.h"
#include "data/text_source.h"
#include "tests/data/format_checks.h"
#include "tests/support/shared_data.h"

namespace bragg::data::tests {
namespace {

constexpr int points = 40;
float count_at(int i) {
  return static_cast<float>(100 + (i * 37) % 53);
}

void append_counts(BinaryFile& file) {
  for (int i = 0; i < points; ++i)
    file.append(count_at(i));
}

/// Two ranges, the second with and without a sign of its own.
std::string version_1(bool repeats_sign) {
  BinaryFile file(0);
  for (const float start : {5.0f, 10.0f}) {
    const bool first = start == 5.0f;
    BinaryFile head(156);
    head.text(0, "RAW ");
    head.put<std::uint32_t>(4, points);
    head.put(8, 4.0f);
    head.put(12, 0.04f);
    head.put(24, start);
    head.text(40, "VINEGAR                         ");
    head.put(72, 1.5406f);
    head.put(76, 1.54443f);
    head.put<std::uint32_t>(152, first ? 1 : 0);
    file.append(first || repeats_sign ? head.bytes() : head.bytes().substr(4));
    append_counts(file);
  }
  return file.bytes();
}

std::string version_2() {
  BinaryFile file(256);
  file.text(0, "RAW2");
  file.put<std::uint16_t>(4, 2);
  file.text(168, "12-Jan-1994 10:20:30");
  file.text(188, "Co");
  file.put(190, 1.78897f);
  file.put(194, 1.79285f);
  file.put(198, 0.5f);
  for (const float start : {5.0f, 10.0f}) {
    BinaryFile head(60);
    head.put<std::uint16_t>(0, 60);
    head.put<std::uint16_t>(2, points);
    head.put(8, 2.5f);
    head.put(12, 0.02f);
    head.put(16, start);
    file.append(head.bytes());
    append_counts(file);
  }
  return file.bytes();
}

/// A range of that scan type; with 2 theta measured at every point.
std::string version_3(std::uint32_t scan_type, bool measured_positions) {
  BinaryFile file(712);
  file.text(0, "RAW1.01");
  file.put<std::uint32_t>(8, 1);
  file.put<std::uint32_t>(12, 1);
  file.text(16, "10/13/03");
  file.text(26, "18:50:59");
  file.text(326, "calcite");
  file.text(608, "Cu");
  file.put(616, 1.54184);
  file.put(624, 1.5406);
  file.put(632, 1.54439);
  file.put(648, 0.5);
  BinaryFile head(304 + 40);
  head.put<std::uint32_t>(0, 304);
  head.put<std::uint32_t>(4, points);
  head.put(8, 2.5);
  head.put(16, 5.0);
  head.put(32, -180.0);
  head.put(176, 0.02);
  head.put(192, 1.5f);
  head.put<std::uint32_t>(196, scan_type);
  head.put<std::uint32_t>(248, measured_positions ? 1 : 0);
  head.put<std::uint32_t>(252, measured_positions ? 12 : 4);
  head.put<std::uint32_t>(256, 40);
  file.append(head.bytes());
  for (int i = 0; i < points; ++i) {
    file.append(count_at(i));
    if (measured_positions) file.append(5.001 + 0.02 * i);
  }
  return file.bytes();
}

std::string version_4(const std::string& scan_type, double two_theta) {
  BinaryFile file(61);
  file.text(0, "RAW4.00");
  file.text(12, "04/07/2025");
  file.put<std::uint32_t>(40, 1);
  file.put<std::uint32_t>(44, 1);
  BinaryFile name(36 + 8);
  name.put<std::uint32_t>(0, 10);
  name.put<std::uint32_t>(4, 44);
  name.text(12, "SAMPLEID");
  name.text(36, "quartz");
  BinaryFile tube(136);
  tube.put<std::uint32_t>(0, 30);
  tube.put<std::uint32_t>(4, 136);
  tube.put(80, 1.5406);
  tube.put(88, 1.54439);
  tube.put(104, 0.5);
  tube.text(116, "Cu");
  BinaryFile head(160 + 92);
  head.text(32, scan_type);
  head.put(72, 10.0);
  head.put(80, 0.02);
  head.put<std::uint32_t>(88, points);
  head.put(92, 1.25f);
  head.put<std::uint32_t>(136, 8);
  head.put<std::uint32_t>(140, 92);
  head.put<std::uint32_t>(160, 50);
  head.put<std::uint32_t>(164, 92);
  head.text(172, "2Theta");
  head.put(216, two_theta);
  file.append(name.bytes() + tube.bytes() + head.bytes());
  for (int i = 0; i < points; ++i) {
    file.append(count_at(i));
    file.append<std::uint32_t>(1);
  }
  return file.bytes();
}

void expect_counts(const Scan& scan, double start, double step) {
  ASSERT_EQ(scan.x.size(), points);
  for (int i = 0; i < points; ++i) {
    EXPECT_NEAR(scan.x[i], start + step * i, 1e-12);
    EXPECT_EQ(scan.intensity[i], count_at(i));
  }
  EXPECT_EQ(scan.unit, IntensityUnit::counts);
}

TEST(BrukerRaw, ReadsBothRangesOfVersion1) {
  for (const bool repeats_sign : {true, false}) {
    const auto scans = read_as(bruker_raw_format(), version_1(repeats_sign));
    ASSERT_EQ(scans.size(), 2) << repeats_sign;
    expect_counts(scans[0], 5, 0.04);
    expect_counts(scans[1], 10, 0.04);
    EXPECT_EQ(*scans[1].radiation.wavelength, 1.5406);
    EXPECT_EQ(*scans[1].radiation.alpha2, 1.54443);
    EXPECT_EQ(scans[0].counting_time, 4);
    EXPECT_EQ(scans[0].sample, "VINEGAR");
  }
}

TEST(BrukerRaw, ReadsBothRangesOfVersion2) {
  const auto scans = read_as(bruker_raw_format(), version_2());
  ASSERT_EQ(scans.size(), 2);
  expect_counts(scans[0], 5, 0.02);
  expect_counts(scans[1], 10, 0.02);
  EXPECT_EQ(scans[0].anode, "Co");
  EXPECT_EQ(*scans[0].radiation.wavelength, 1.78897);
  EXPECT_EQ(scans[0].alpha2_ratio, 0.5);
  EXPECT_EQ(scans[0].counting_time, 2.5);
  EXPECT_EQ(scans[0].date, "1994-01-12T10:20:30");
}

TEST(BrukerRaw, ReadsVersion3WithItsExtraRecordsAndMeasuredPositions) {
  const auto scans = read_as(bruker_raw_format(), version_3(0, false));
  ASSERT_EQ(scans.size(), 1);
  expect_counts(scans[0], 5, 0.02);
  EXPECT_EQ(scans[0].anode, "Cu");
  EXPECT_EQ(scans[0].counting_time, 1.5);
  EXPECT_EQ(scans[0].date, "2003-10-13T18:50:59");
  expect_counts(read_as(bruker_raw_format(), version_3(2, true))[0], 5.001, 0.02);
}

TEST(BrukerRaw, ReadsVersion4ByTheLengthOfItsRecords) {
  const auto scans = read_as(bruker_raw_format(), version_4("Locked Coupled", 10));
  ASSERT_EQ(scans.size(), 1);
  expect_counts(scans[0], 10, 0.02);
  EXPECT_EQ(scans[0].sample, "quartz");
  EXPECT_EQ(*scans[0].radiation.alpha2, 1.54439);
  EXPECT_EQ(scans[0].counting_time, 1.25);
  EXPECT_EQ(scans[0].date, "2025-04-07");
  EXPECT_TRUE(scans[0].warnings.empty());
  std::string file = version_4("Locked Coupled", 10);
  file[40] = 2;
  const auto part = read_as(bruker_raw_format(), file)[0].warnings;
  ASSERT_EQ(part.size(), 2);
  EXPECT_EQ(part[0], "1 of 2 ranges were measured");
}

/// Of version 3, with that at that byte of the range's header (or of the file's, where it is negative).
template <class T>
std::string with(std::string file, int at, T value) {
  file.replace(static_cast<std::size_t>(at < 0 ? -at : 712 + at), sizeof value,
               reinterpret_cast<const char*>(&value), sizeof value);
  return file;
}

TEST(BrukerRaw, AutomaticSlitsOfVersion3AreConverted) {
  std::string file = version_3(0, false);
  const Scan unstated = read_as(bruker_raw_format(), file)[0];
  EXPECT_EQ(unstated.slits, SlitMode::unknown);
  ASSERT_EQ(unstated.notes.size(), 1);
  EXPECT_EQ(unstated.notes[0].what, "slits");
  file.replace(712 + 72, 2, "V6");
  const Scan automatic = read_as(bruker_raw_format(), file)[0];
  EXPECT_EQ(automatic.slits, SlitMode::automatic);
  EXPECT_EQ(automatic.unit, IntensityUnit::arbitrary);
  const double sine = std::sin(5.78 / 2 * std::numbers::pi / 180);
  EXPECT_DOUBLE_EQ(automatic.intensity[39], count_at(39) / sine);
  EXPECT_DOUBLE_EQ(automatic.uncertainty.at(39), std::sqrt(static_cast<double>(count_at(39))) / sine);
  ASSERT_EQ(automatic.notes.size(), 1);
  EXPECT_EQ(automatic.notes[0].how,
            "automatic slits of 6 mm converted to fixed ones: intensities divided by sin(theta)");
  EXPECT_EQ(automatic.notes[0].from, "byte 784");
  EXPECT_TRUE(automatic.warnings.empty());
  file.replace(712 + 72, 3, "fix");
  EXPECT_EQ(read_as(bruker_raw_format(), file)[0].slits, SlitMode::fixed);
  EXPECT_TRUE(read_as(bruker_raw_format(), file)[0].notes.empty());
  file.replace(712 + 72, 3, "odd");
  EXPECT_EQ(read_as(bruker_raw_format(), file)[0].warnings.size(), 1);
}

TEST(BrukerRaw, FieldsOfVersion3ThatChangeTheMeaningOfOthersAreRead) {
  const auto read = [](const std::string& file) { return read_as(bruker_raw_format(), file)[0]; };
  std::string nanometres = version_3(0, false);
  for (const auto& [at, value] : {std::pair(624, 0.15406), std::pair(632, 0.154439)})
    nanometres = with(nanometres, -at, value);
  nanometres.replace(656, 2, "nm");
  EXPECT_EQ(read(nanometres).radiation.wavelength, 1.5406);
  EXPECT_EQ(read(nanometres).radiation.alpha2, 1.54439);
  nanometres.replace(656, 2, "mm");
  EXPECT_EQ(read(nanometres).warnings,
            std::vector<std::string>{"byte 656: wavelengths in 'mm', which is not known; A are taken"});
  const std::string plain = version_3(0, false);
  EXPECT_TRUE(read(with(plain, 240, 1.5406)).warnings.empty());
  EXPECT_TRUE(read(with(plain, 240, 1.54184)).warnings.empty());
  ASSERT_EQ(read(with(plain, 240, 1.78897)).warnings.size(), 1);
  EXPECT_NE(read(with(plain, 240, 1.78897)).warnings[0].find("wavelength 1.78897 A contradicts 1.5406 A"),
            std::string::npos);
  const Scan beta = read(with(with(plain, 240, 1.39222), -640, 1.39222));
  EXPECT_EQ(beta.radiation.position_wavelength, 1.39222);
  // A parameter that is not read, in place of 2 theta.
  const Scan time = read(with(version_3(0, true), 248, std::uint32_t{1024}));
  EXPECT_NEAR(time.x[1], 5.02, 1e-12);
  ASSERT_EQ(time.warnings.size(), 1);
  EXPECT_NE(time.warnings[0].find("0x400"), std::string::npos) << time.warnings[0];
  EXPECT_EQ(read(with(plain, -600, std::uint32_t{1})).monochromator, "K beta filter");
}

TEST(BrukerRaw, RangesThatDifferInWhatStoodStillAreNoRepeats) {
  const std::string one = version_3(2, false);
  const std::string range = one.substr(712);
  const auto chosen = [&](const std::string& other) {
    std::string file = with(one, -12, std::uint32_t{2}) + other;
    return choose_scans(bruker_raw_format().read({file, "a"}), std::nullopt).size();
  };
  EXPECT_EQ(chosen(range), 1);
  // Another incidence, another temperature.
  EXPECT_EQ(chosen(with(one, 8, 3.5).substr(712)), 2);
  EXPECT_EQ(chosen(with(one, 212, 573.0f).substr(712)), 2);
}

TEST(BrukerRaw, Version1SaysWhatItTakesForGranted) {
  const std::string file = version_1(true);
  const Scan usual = read_as(bruker_raw_format(), file)[0];
  EXPECT_TRUE(usual.warnings.empty());
  EXPECT_EQ(usual.notes.at(0).what, "axis");
  std::string rocking = file;
  const float theta = 14;
  rocking.replace(28, 4, reinterpret_cast<const char*>(&theta), 4);
  ASSERT_EQ(read_as(bruker_raw_format(), rocking)[0].warnings.size(), 1);
  EXPECT_NE(
      read_as(bruker_raw_format(), rocking)[0].warnings[0].find("theta begins at 14 where 2 theta does at 5"),
      std::string::npos);
}

TEST(BrukerRaw, DatesAreMonthDayYearBetweenSlashes) {
  EXPECT_EQ(raw_date("10/13/03", "18:50:59"), "2003-10-13T18:50:59");
  EXPECT_EQ(raw_date("04/07/2025", ""), "2025-04-07");
  for (const char* other : {"13/10/03", "10.12.03", "12345678", "10/13", ""})
    EXPECT_EQ(raw_date(other, "18:50:59"), plain_text(other + std::string(" 18:50:59")));
}

TEST(BrukerRaw, DrivesOfVersion4TellRepeatsApart) {
  const auto patterns = [](double second_phi) {
    std::string file;
    for (const double phi : {0.0, second_phi}) {
      // The drive in the place of 2 theta's.
      std::string one = version_4("Locked Coupled", phi);
      one.replace(one.find("2Theta"), 6, std::string("Phi\0\0\0", 6));
      file += file.empty() ? one : one.substr(61 + 44 + 136);
    }
    file[40] = file[44] = 2;
    return choose_scans(bruker_raw_format().read({file, "a"}), std::nullopt).size();
  };
  EXPECT_EQ(patterns(0), 1);
  EXPECT_EQ(patterns(45), 2);
}

TEST(BrukerRaw, OtherVersionsAreRefusedByTheirNumber) {
  std::string file = version_4("Locked Coupled", 10);
  file.replace(0, 7, "RAW5.10");
  ASSERT_TRUE(bruker_raw_format().looks_like(file));
  EXPECT_TRUE(is_refused_by_name(bruker_raw_format(), file));
  EXPECT_NE(refusal_of(bruker_raw_format(), file).find("version 5.10"), std::string::npos);
}

TEST(BrukerRaw, SinglePrecisionLeavesNoNoise) {
  EXPECT_EQ(as_typed(static_cast<double>(1.5406f)), 1.5406);
  EXPECT_EQ(as_typed(1.5406), 1.5406);
  EXPECT_EQ(as_typed(1e300), 1e300);
  EXPECT_EQ(even_positions(4.98, 0.04, 876).back(), 39.98);
  EXPECT_EQ(even_positions(1.0 / 3, 0.1, 3)[1], 1.0 / 3 + 0.1);
  BinaryFile rate(0);
  rate.append(12.3f);
  rate.append(12.0f);
  const FileBytes bytes{rate.bytes(), "a"};
  EXPECT_EQ(raw_intensities(ByteReader(bytes), 0, 2, 4), (std::vector<double>{12.3, 12}));
}

TEST(BrukerRaw, PlannedRangesOfNoPointsAreLeftOut) {
  std::string file = version_2();
  file[4] = 3;
  file += version_2().substr(256, 60);
  file.replace(file.size() - 58, 2, std::string(2, '\0'));
  const ReadScans read = bruker_raw_format().read({file, "a"});
  EXPECT_EQ(read.scans.size(), 2);
  ASSERT_FALSE(read.warnings.empty());
  EXPECT_EQ(read.warnings[0], "range 3 (byte 696) is left out: 0 points");
}

TEST(BrukerRaw, ReadsScansOfOtherDrivesAsWhatTheyAre) {
  const Scan rocking = read_as(bruker_raw_format(), version_3(3, false))[0];
  EXPECT_EQ(rocking.other_axis.value().name, "omega");
  expect_counts(rocking, 2.5, 0.02);
  const Scan phi = read_as(bruker_raw_format(), version_3(5, false))[0];
  EXPECT_EQ(phi.other_axis.value().name, "phi");
  expect_counts(phi, -180, 0.02);
  const Scan newer = read_as(bruker_raw_format(), version_4("Phi Scan", 30))[0];
  EXPECT_EQ(newer.other_axis.value().name, "phi");
  expect_counts(newer, 10, 0.02);
}

TEST(BrukerRaw, RefusesUnknownScansByName) {
  EXPECT_TRUE(is_refused_by_name(bruker_raw_format(), version_3(13, false)));
  EXPECT_NE(refusal_of(bruker_raw_format(), version_3(13, false)).find("HKL Scan"), std::string::npos);
  EXPECT_NE(refusal_of(bruker_raw_format(), version_3(77, false)).find("scan type 77"), std::string::npos);
  EXPECT_TRUE(is_refused_by_name(bruker_raw_format(), version_3(3, true)));
  EXPECT_TRUE(is_refused_by_name(bruker_raw_format(), version_4("Unlocked Coupled", 20)));
}

TEST(BrukerRaw, SaysWhatIsOddInDamagedFiles) {
  std::string many = version_2();
  many[4] = '\xff';
  EXPECT_NE(refusal_of(bruker_raw_format(), many).find("cut off"), std::string::npos);
  std::string no_step = version_1(true);
  no_step.replace(12, 4, std::string(4, '\0'));
  EXPECT_NE(refusal_of(bruker_raw_format(), no_step).find("byte 12: start 5 and step 0"), std::string::npos);
  std::string wrong_record = version_3(0, false);
  wrong_record[712 + 252] = 12;
  EXPECT_NE(refusal_of(bruker_raw_format(), wrong_record).find("records of 12 bytes"), std::string::npos);
  std::string endless = version_4("Locked Coupled", 10);
  endless.replace(61 + 4, 4, std::string(4, '\0'));
  EXPECT_NE(refusal_of(bruker_raw_format(), endless).find("a segment of 0 bytes"), std::string::npos);
}

TEST(BrukerRaw, IsNeverASilentPartOrAFault) {
  for (const std::string& file : {version_1(true), version_1(false), version_2(), version_3(0, false),
                                  version_3(1, true), version_4("Locked Coupled", 10)}) {
    ASSERT_TRUE(bruker_raw_format().looks_like(file));
    expect_no_silent_prefix(bruker_raw_format(), file, 7, file.size());
    expect_answer_for_mutants(bruker_raw_format(), file, 400);
  }
  EXPECT_FALSE(bruker_raw_format().looks_like("RAW data of 3 samples"));
}

struct Sample {
  const char* file;
  std::size_t points;
  double first, last, wavelength, alpha2, time, sum;
  SlitMode slits;
};

TEST(BrukerRaw, ReadsRealFilesAsOtherReadersDo) {
  using enum SlitMode;
  // Points and sums by xyconv of xylib, that of BT86 divided by sin(theta) by numpy; version 4 by the program geddes.
  for (const Sample& want :
       {Sample{"BT86.raw", 2374, 3, 40.0002906, 1.5406, 1.54439, 0.5, 6293847.020489, automatic},
        Sample{"Cu3Au-1.raw", 3901, 22, 100, 1.5406, 1.54439, 0.5, 59299, unknown},
        Sample{"D5000_1.RAW", 3651, 2, 75, 1.78897, 1.79285, 2, 1069383, fixed},
        Sample{"D5000_2.RAW", 3651, 2, 75, 1.78897, 1.79285, 2, 1780024, fixed},
        Sample{"D5000_3.RAW", 3651, 2, 75, 1.78897, 1.79285, 2, 942517, fixed},
        Sample{"brk_raw1.raw", 876, 4.98, 39.98, 1.5406, 1.54443, 4, 550306, unknown},
        Sample{"bruker4_diffrac_eva.raw", 7134, 10, 85.0412999, 1.5406, 0, 310.003, 2107237.938, unknown}}) {
    BRAGG_SHARED_DATA_OR_SKIP(path, std::string("patterns/bruker/") + want.file);
    const auto scans = read_as(bruker_raw_format(), read_text_source(path, largest_scan_bytes));
    ASSERT_EQ(scans.size(), 1) << want.file;
    const Scan& scan = scans[0];
    EXPECT_EQ(scan.x.size(), want.points) << want.file;
    EXPECT_EQ(scan.x.front(), want.first) << want.file;
    EXPECT_EQ(scan.x.back(), want.last) << want.file;
    EXPECT_EQ(*scan.radiation.wavelength, want.wavelength);
    EXPECT_EQ(scan.radiation.alpha2.value_or(0), want.alpha2);
    EXPECT_EQ(*scan.counting_time, want.time);
    EXPECT_EQ(scan.slits, want.slits) << want.file;
    double sum = 0;
    for (const double y : scan.intensity)
      sum += y;
    // Half a unit in the last place of single precision for each of the points that are no whole counts.
    EXPECT_NEAR(sum, want.sum, scan.unit == IntensityUnit::counts ? 1e-3 : want.sum * 6e-8) << want.file;
    EXPECT_EQ(scan.warnings.empty(), want.sum != 2107237.938) << want.file;
  }
}

}  // namespace
}  // namespace bragg::data::tests
