// What instruments' files hold, number by number, beside readings that share nothing with bragg's: xyconv of xylib (Debian's
// libxy-bin), text twins of binary files, and a few lines here that look for the numbers alone.
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/formats/format.h"
#include "data/text_source.h"
#include "tests/support/shared_data.h"

namespace bragg::data {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Columns {
  std::vector<double> x, y;
};

/// Rows of two numbers; anything else is passed over.
Columns columns_of(std::istream& text) {
  Columns columns;
  for (std::string line; std::getline(text, line);) {
    std::istringstream row(line);
    double x = 0, y = 0;
    if (!(row >> x >> y)) continue;
    columns.x.push_back(x);
    columns.y.push_back(y);
  }
  return columns;
}

std::vector<double> numbers_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<double>(stream), {}};
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// What the instrument counted: what was divided by the sine of theta for automatic slits, again.
std::vector<double> counted(const Scan& scan) {
  std::vector<double> counts = scan.intensity;
  if (scan.slits != SlitMode::automatic) return counts;
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] *= std::sin(scan.x[i] * std::numbers::pi / 360);
  return counts;
}

/// All scans of the file, one behind the other.
Columns counted(const fs::path& path) {
  Columns all;
  for (const Scan& scan : read_scans(path).scans) {
    const std::vector<double> counts = counted(scan);
    all.x.insert(all.x.end(), scan.x.begin(), scan.x.end());
    all.y.insert(all.y.end(), counts.begin(), counts.end());
  }
  return all;
}

/// Every number, to the last digit that `want` was written with.
void expect_same(const Columns& have, const Columns& want, double digit) {
  ASSERT_EQ(have.x.size(), want.x.size());
  ASSERT_GE(want.x.size(), 20u);
  for (std::size_t i = 0; i < want.x.size(); ++i) {
    ASSERT_NEAR(have.x[i], want.x[i], digit) << "position of point " << i + 1;
    ASSERT_NEAR(have.y[i], want.y[i], digit + 1e-9 * want.y[i]) << "intensity of point " << i + 1;
  }
}

TEST(SampleValues, BrukersRawFilesHoldWhatTheirTextTwinsHold) {
  for (const std::string name : {"D5000_1", "D5000_2", "D5000_3"}) {
    SCOPED_TRACE(name);
    BRAGG_SHARED_DATA_OR_SKIP(raw, "patterns/bruker/" + name + ".RAW");
    BRAGG_SHARED_DATA_OR_SKIP(twin, "patterns/bruker/" + name + ".xy");
    std::ifstream text(twin);
    const Columns want = columns_of(text);
    ASSERT_EQ(want.x.size(), 3651u);
    expect_same(counted(raw), want, 1e-9);
    expect_same(counted(twin), want, 1e-12);
    // Bytes 624 and 632 of the header, by Python's struct.
    const Scan scan = read_scans(raw).scans.at(0);
    EXPECT_EQ(scan.radiation.wavelength, 1.78897);
    EXPECT_EQ(scan.radiation.alpha2, 1.79285);
  }
}

TEST(SampleValues, StepRowsHoldTheirOwnTables) {
  for (const std::string name : {"cpd-1a", "cpd-1c", "cpd-1e", "cpd-1g"}) {
    SCOPED_TRACE(name);
    BRAGG_SHARED_DATA_OR_SKIP(path, "patterns/text/" + name + ".dat");
    std::ifstream file(path);
    std::string line, words;
    for (int i = 0; i < 5; ++i) {
      std::getline(file, line);
      words += line + "\n";
    }
    double start = 0, step = 0, end = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "%lf %lf %lf", &start, &step, &end), 3);
    const std::vector<double> counts{std::istream_iterator<double>(file), {}};
    const Scan scan = read_scans(path).scans.at(0);
    ASSERT_EQ(scan.intensity, counts);
    EXPECT_EQ(counts.size(), 7251u);
    EXPECT_NEAR(scan.x.front(), start, 1e-12);
    EXPECT_NEAR(scan.x.back(), end, 1e-9);
    EXPECT_NEAR(scan.x[100], start + 100 * step, 1e-9);
    EXPECT_NE(words.find("Alpha1  1.54056    Alpha2  1.54439"), std::string::npos);
    EXPECT_EQ(scan.radiation.wavelength, 1.54056);
    EXPECT_EQ(scan.radiation.alpha2, 1.54439);
  }
}

TEST(SampleValues, GsasBanksHoldTheirOwnRecords) {
  for (const std::string name :
       {"NIST660CBI.gsas", "PBSO4.XRA", "gsas.raw", "1010928_CaCO3_(calcite).fxye", "11bmb_6231.fxye.gz"}) {
    SCOPED_TRACE(name);
    BRAGG_SHARED_DATA_OR_SKIP(path, "patterns/gsas/" + name);
    std::istringstream text(read_text_source(path, largest_scan_bytes));
    std::string line;
    while (std::getline(text, line) && !line.starts_with("BANK")) {
    }
    char kind[9] = {};
    std::size_t points = 0;
    double start = 0, step = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "BANK %*d %zu %*d %8s %lf %lf", &points, kind, &start, &step), 4);
    const std::vector<double> written{std::istream_iterator<double>(text), {}};
    const Scan scan = read_scans(path).scans.at(0);
    ASSERT_EQ(scan.x.size(), points);
    const bool is_listed = name.find(".fxye") != std::string::npos;
    ASSERT_GE(written.size(), is_listed ? 3 * points : points);
    for (std::size_t i = 0; i < points; ++i) {
      // Hundredths of a degree.
      const double x = is_listed ? written[3 * i] : start + step * static_cast<double>(i);
      ASSERT_NEAR(scan.x[i], x / 100, 1e-9) << i;
      ASSERT_EQ(scan.intensity[i], written[is_listed ? 3 * i + 1 : i]) << i;
      if (is_listed) {
        ASSERT_EQ(scan.uncertainty.at(i), written[3 * i + 2]) << i;
      }
    }
  }
}

TEST(SampleValues, RigakusRasHoldsItsOwnRows) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "patterns/rigaku/inas_layer_radial_002_004.ras");
  std::ifstream file(path);
  std::vector<Columns> want;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("*RAS_INT_START")) want.emplace_back();
    inside = line.starts_with("*RAS_INT_START") || (inside && !line.starts_with("*"));
    double x = 0, y = 0, factor = 0;
    if (!inside || std::sscanf(line.c_str(), "%lf %lf %lf", &x, &y, &factor) != 3) continue;
    want.back().x.push_back(x);
    want.back().y.push_back(y * factor);
  }
  const ReadScans read = read_scans(path);
  ASSERT_EQ(read.scans.size(), 2u);
  ASSERT_EQ(want.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    expect_same({read.scans[i].x, read.scans[i].intensity}, want[i], 1e-9);
    EXPECT_EQ(read.scans[i].radiation.wavelength, 1.540593);
  }
}

/// What stands between the first <tag ...> and the next '<'.
std::optional<std::string> element(const std::string& xml, const std::string& tag, std::size_t from = 0) {
  for (std::size_t at = xml.find("<" + tag, from); at != std::string::npos;
       at = xml.find("<" + tag, at + 1)) {
    const char after = xml[at + 1 + tag.size()];
    if (after != '>' && after != ' ') continue;
    const std::size_t begin = xml.find('>', at) + 1;
    return xml.substr(begin, xml.find('<', begin) - begin);
  }
  return std::nullopt;
}

double number(const std::string& xml, const std::string& tag, std::size_t from = 0) {
  return std::strtod(element(xml, tag, from).value_or("nan").c_str(), nullptr);
}

std::string plain_of_base64(const std::string& text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string plain;
  unsigned value = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string::npos) continue;
    value = value << 6 | static_cast<unsigned>(digit);
    if ((bits += 6) < 8) continue;
    bits -= 8;
    plain += static_cast<char>(value >> bits & 0xff);
  }
  return plain;
}

TEST(SampleValues, EveryXrdmlHoldsWhatItsElementsSay) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns/xrdml");
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename().string());
    const std::string xml = text_of(entry.path());
    // None of these has an attenuator or an automatic slit, which would change intensities.
    ASSERT_EQ(xml.find("ttenuationFactor"), std::string::npos);
    ASSERT_EQ(xml.find("automaticDivergenceSlit"), std::string::npos);
    const std::size_t axis = xml.find("<positions axis=\"2Theta\"");
    const bool is_short = axis == std::string::npos;
    std::string written = element(xml, "counts").value_or(element(xml, "intensities").value_or(""));
    if (xml.find("encoding=\"base64\"") != std::string::npos) written = plain_of_base64(written);
    const std::vector<double> intensity = numbers_of(written);
    const double first = is_short ? number(xml, "thetaMin") : number(xml, "startPosition", axis);
    const double last = is_short ? number(xml, "thetaMax") : number(xml, "endPosition", axis);
    const ReadScans read = read_scans(entry.path());
    ASSERT_EQ(read.scans.size(), 1u);
    const Scan& scan = read.scans[0];
    ASSERT_GT(intensity.size(), 1000u);
    ASSERT_EQ(scan.x.size(), intensity.size());
    EXPECT_NEAR(scan.x.front(), first, 1e-9);
    EXPECT_NEAR(scan.x.back(), last, 1e-9);
    const std::size_t middle = intensity.size() / 3;
    EXPECT_NEAR(scan.x[middle], first + (last - first) / double(intensity.size() - 1) * double(middle), 1e-9);
    EXPECT_EQ(scan.intensity, intensity);
    EXPECT_EQ(sum_of(scan.intensity), sum_of(intensity));
    EXPECT_EQ(scan.radiation.wavelength, number(xml, "kAlpha1"));
    EXPECT_EQ(scan.radiation.alpha2, number(xml, "kAlpha2"));
    EXPECT_FALSE(scan.radiation.is_of_anode);
    if (const auto seconds = element(xml, "commonCountingTime")) {
      EXPECT_EQ(scan.counting_time, std::strtod(seconds->c_str(), nullptr));
    }
    ++files;
  }
  EXPECT_EQ(files, 34);
}

TEST(SampleValues, AreThoseOfXyconv) {
  if (std::system("xyconv -v > /dev/null 2>&1") != 0) GTEST_SKIP() << "xyconv (libxy-bin) is not installed";
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  // What xylib 1.6 reads of these: not RAW4.00, .brml, .rasx, .ras, GSAS, powder CIF with uncertainties, XRDML 2.
  for (const std::string name :
       {"bruker/D5000_1.RAW", "bruker/D5000_2.RAW", "bruker/D5000_3.RAW", "bruker/BT86.raw",
        "bruker/Cu3Au-1.raw", "bruker/brk_raw1.raw", "bruker/bruker.UXD", "text/cpd-1a.dat",
        "text/cpd-1c.dat", "text/cpd-1e.dat", "text/cpd-1g.dat", "text/xray-pattern.dat",
        "xrdml/XRD-918-16_10.xrdml", "xrdml/panalytical_powder.xrdml"}) {
    SCOPED_TRACE(name);
    const std::string command = "xyconv -s '" + (folder / name).string() + "' - 2>/dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string text;
    std::array<char, 4096> part{};
    for (std::size_t read = 0; (read = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
      text.append(part.data(), read);
    ASSERT_EQ(pclose(pipe), 0) << command;
    std::istringstream stream(text);
    // Six decimals; positions of RAW are single precision, some of whose steps xylib adds up.
    expect_same(counted(folder / name), columns_of(stream), 2e-5);
  }
}

}  // namespace
}  // namespace bragg::data
