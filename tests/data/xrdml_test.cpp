#include "data/formats/xrdml.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/formats/scan_pattern.h"
#include "tests/data/format_samples.h"
#include "tests/support/shared_data.h"

namespace bragg::data {
namespace {

std::vector<Scan> read(const std::string& text) {
  return scans_of(xrdml_format(), text);
}

std::string replaced(std::string text, const std::string& old_part, const std::string& new_part) {
  const std::size_t at = text.find(old_part);
  EXPECT_NE(at, std::string::npos) << old_part;
  return text.replace(at, old_part.size(), new_part);
}

TEST(Xrdml, ReadsAPowderScan) {
  const std::string text = XrdmlText{}.text();
  EXPECT_TRUE(xrdml_format().looks_like(text));
  EXPECT_TRUE(xrdml_format().looks_like("\xef\xbb\xbf" + text));
  EXPECT_FALSE(xrdml_format().looks_like("2theta intensity # xrdMeasurements\n"));
  const auto scans = read("\xef\xbb\xbf" + text);
  ASSERT_EQ(scans.size(), 1u);
  const Scan& scan = scans[0];
  ASSERT_EQ(scan.x.size(), 30u);
  EXPECT_EQ(scan.x.front(), 10);
  EXPECT_DOUBLE_EQ(scan.x[7], 10.14);
  EXPECT_DOUBLE_EQ(scan.x.back(), 10.58);
  EXPECT_EQ(scan.intensity[7], 107);
  EXPECT_EQ(scan.unit, IntensityUnit::counts);
  EXPECT_EQ(scan.radiation.wavelength, 1.540598);
  EXPECT_EQ(scan.radiation.alpha2, 1.544426);
  EXPECT_DOUBLE_EQ(scan.radiation.position_wavelength.value(), (1.540598 + 0.5 * 1.544426) / 1.5);
  EXPECT_EQ(scan.alpha2_ratio, 0.5);
  EXPECT_EQ(scan.anode, "Cu");
  EXPECT_EQ(scan.monochromator, "Beta-filter Nickel");
  EXPECT_EQ(scan.geometry, "Reflection");
  EXPECT_EQ(scan.slits, SlitMode::fixed);
  EXPECT_EQ(scan.instrument, "EMPYREAN");
  EXPECT_EQ(scan.sample, "quartz");
  EXPECT_EQ(scan.date, "2024-04-12T11:05:06-07:00");
  EXPECT_EQ(scan.counting_time, 13.77);
  EXPECT_EQ(scan.scan_axis, "Gonio");
  EXPECT_TRUE(scan.notes.empty() && scan.warnings.empty());
}

TEST(Xrdml, ReadsListedPositionsAndPrefixes) {
  XrdmlText form{.points = 3, .intensities = "<counts>1 2 3</counts>"};
  form.positions = "<listPositions>10 10.1\n10.3</listPositions>";
  EXPECT_EQ(read(form.text())[0].x, (std::vector<double>{10, 10.1, 10.3}));
  form.positions = "<listPositions>10 10.1</listPositions>";
  EXPECT_EQ(refusal(xrdml_format(), form.text()), "sample:11: 2 positions of 2 theta for 3 intensities");
  form.positions = "<commonPosition>10</commonPosition>";
  EXPECT_EQ(refusal(xrdml_format(), form.text()),
            "no powder pattern: scan 1 (line 10): 2 theta stands still: no scan of it");
  form.positions = "<listPositions>10 10.4 10.3</listPositions>";
  EXPECT_NE(refusal(xrdml_format(), form.text()).find("neither ascending nor descending"), std::string::npos);
  // A comment splits an element's text.
  form.positions.clear();
  form.intensities = "<counts>1 <!-- a --> 2<![CDATA[ 3]]></counts>";
  EXPECT_EQ(read(form.text())[0].intensity, (std::vector<double>{1, 2, 3}));
}

TEST(Xrdml, AttenuatesCountsAndNotIntensities) {
  XrdmlText form{.points = 4, .intensities = "<counts>100 200 50 0</counts>"};
  form.more = "<beamAttenuationFactors>1 1 8.5 8.5</beamAttenuationFactors>";
  const Scan counted = read(form.text())[0];
  EXPECT_EQ(counted.intensity, (std::vector<double>{100, 200, 425, 0}));
  EXPECT_DOUBLE_EQ(counted.uncertainty[2], 8.5 * std::sqrt(50));
  EXPECT_EQ(counted.attenuation, 8.5);
  ASSERT_EQ(counted.notes.size(), 1u);
  EXPECT_EQ(counted.notes[0].what, "attenuator");
  form.version = "1.5";
  form.intensities = "<intensities unit=\"counts\">100 200 425 0</intensities>";
  const Scan stated = read(form.text())[0];
  EXPECT_EQ(stated.intensity, counted.intensity);
  EXPECT_EQ(stated.uncertainty, counted.uncertainty);
  form.more = "<beamAttenuationFactors>1 1 8.5</beamAttenuationFactors>";
  EXPECT_NE(refusal(xrdml_format(), form.text()).find("3 attenuation factors for 4"), std::string::npos);
  form.more = "<beamAttenuationFactors>1 1 0 1</beamAttenuationFactors>";
  EXPECT_NE(refusal(xrdml_format(), form.text()).find("is 0, not positive"), std::string::npos);
  form.more = "<divergenceCorrections>1 1 2 1</divergenceCorrections>";
  EXPECT_NE(refusal(xrdml_format(), form.text()).find("<divergenceCorrections> vary"), std::string::npos);
}

TEST(Xrdml, CountingTimesThatVaryMakeRates) {
  const std::string text = replaced(XrdmlText{.points = 2, .intensities = "<counts>100 400</counts>"}.text(),
                                    "<commonCountingTime unit=\"seconds\">13.77</commonCountingTime>",
                                    "<countingTimes>10 20</countingTimes>");
  const Scan scan = read(text)[0];
  EXPECT_EQ(scan.intensity, (std::vector<double>{10, 20}));
  EXPECT_EQ(scan.uncertainty, (std::vector<double>{1, 1}));
  EXPECT_EQ(scan.unit, IntensityUnit::counts_per_second);
  EXPECT_EQ(scan.counting_time, 15);
}

TEST(Xrdml, ConvertsAutomaticSlits) {
  const Scan scan =
      read(XrdmlText{.slit = "<divergenceSlit xsi:type=\"automaticDivergenceSlitType\">"
                             "<irradiatedLength unit=\"mm\">10.00</irradiatedLength></divergenceSlit>"}
               .text())[0];
  EXPECT_EQ(scan.slits, SlitMode::automatic);
  EXPECT_DOUBLE_EQ(scan.intensity[29], 129 / std::sin(5.29 * std::numbers::pi / 180));
  ASSERT_EQ(scan.notes.size(), 1u);
  EXPECT_EQ(scan.notes[0].how,
            "automatic slits of 10 mm converted to fixed ones: intensities divided by sin(theta)");
  EXPECT_EQ(scan.notes[0].from, "line 8");
}

TEST(Xrdml, WhatIsReadIsPlainText) {
  const Scan scan =
      read(replaced(XrdmlText{}.text(), "Beta-filter Nickel", "&#27;[2JNickel" + std::string(500, 'x')))[0];
  EXPECT_EQ(scan.monochromator.find('\x1b'), std::string::npos);
  EXPECT_NE(scan.monochromator.find("[2JNickel"), std::string::npos) << scan.monochromator;
  EXPECT_LE(scan.monochromator.size(), 203u);
}

TEST(Xrdml, RefusesByName) {
  const auto said = [](const XrdmlText& form) { return refusal(xrdml_format(), form.text()); };
  EXPECT_EQ(said({.scan = "scanAxis=\"Reciprocal Space\""}),
            "no powder pattern: scan 1 (line 10): a scan of 'Reciprocal Space', not of 2 theta");
  EXPECT_EQ(said({.scan = "scanAxis=\"Omega\""}),
            "no powder pattern: scan 1 (line 10): omega stands still: no scan of it");
  EXPECT_EQ(said({.scan = "scanAxis=\"Phi\""}),
            "no powder pattern: scan 1 (line 10): no positions of phi (there are those of '2Theta, Omega')");
  EXPECT_NE(said({.measurement = "measurementType=\"Area measurement\""}).find("an area measurement"),
            std::string::npos);
  EXPECT_NE(said({.measurement = "measurementStepAxis=\"Omega\""}).find("a mesh of scans"),
            std::string::npos);
  for (const char* counts : {"", "1 2 x", "1 nan", "1 inf", "1 1e999", "-1 2", "1"})
    EXPECT_NE(said({.intensities = fmt::format("<counts>{}</counts>", counts)}), "") << counts;
  EXPECT_NE(said({.intensities = "<counts>1 2</counts><intensities>1 2</intensities>"}).find("both"),
            std::string::npos);
  EXPECT_NE(said({.intensities = "<counts>1 <b>2</b> 3</counts>"}).find("inside the numbers"),
            std::string::npos);
  EXPECT_NE(said({.positions = "<startPosition>10</startPosition><endPosition>400</endPosition>"})
                .find("is outside -180..180 degrees"),
            std::string::npos);
  const std::string no_axis = XrdmlText{.scan = "status=\"Aborted\""}.text();
  EXPECT_EQ(read(no_axis)[0].warnings.size(), 2u);
}

TEST(Xrdml, SeveralScansAndOnesThatAreLeftOut) {
  const std::string text = XrdmlText{}.text();
  const std::size_t begin = text.find("<scan "), end = text.find("</scan>") + 7;
  const std::string scan = text.substr(begin, end - begin);
  EXPECT_EQ(read(text.substr(0, end) + scan + text.substr(end)).size(), 2u);
  const auto one = read(text.substr(0, end) + replaced(scan, "Gonio", "Chi") + text.substr(end));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].warnings,
            std::vector<std::string>{
                "scan 2 (line 13) is left out: no positions of chi (there are those of '2Theta, Omega')"});
}

TEST(Xrdml, ScansThatWereGivenUpAreLeftOutAndManyAreCounted) {
  const std::string text = XrdmlText{}.text();
  const std::size_t begin = text.find("<scan "), end = text.find("</scan>") + 7;
  const std::string one_point =
      XrdmlText{.scan = "scanAxis=\"Gonio\" status=\"Aborted\"", .intensities = "<counts>7</counts>"}.text();
  const std::string aborted =
      one_point.substr(one_point.find("<scan "), one_point.find("</scan>") + 7 - one_point.find("<scan "));
  std::string many;
  for (int i = 0; i < 300; ++i)
    many += text.substr(begin, end - begin) + aborted;
  const std::string all = text.substr(0, begin) + many + text.substr(end);
  const ReadScans read = xrdml_format().read({all, "series"});
  EXPECT_EQ(read.scans.size(), 300u);
  ASSERT_EQ(read.warnings.size(), 11u);
  EXPECT_NE(read.warnings[0].find("is left out: 1 points: no scan"), std::string::npos) << read.warnings[0];
  EXPECT_EQ(read.warnings[10], "290 more scans are left out");
  for (const Scan& scan : read.scans)
    EXPECT_TRUE(scan.warnings.empty());
}

TEST(Xrdml, SeriesAreNoRepeats) {
  // The number of patterns that two scans of the same positions become.
  const auto patterns = [](XrdmlText form, const std::string& first, const std::string& second) {
    const std::string text = form.text();
    const std::size_t begin = text.find("<scan "), end = text.find("</scan>") + 7;
    const std::string one = text.substr(begin, end - begin), omega = "<commonPosition>5<", close = "</scan>";
    const auto with = [&](const std::string& what) {
      return what.starts_with("<") ? replaced(one, close, what + close)
                                   : replaced(one, omega, "<commonPosition>" + what + "<");
    };
    const std::string both = text.substr(0, begin) + with(first) + with(second) + text.substr(end);
    return choose_scans(xrdml_format().read({both, "series"}), std::nullopt).size();
  };
  const auto at = [](const char* kelvin) {
    return fmt::format(
        "<nonAmbientPoints type=\"Temperature\" unit=\"K\"><nonAmbientValues>{0} {0}</nonAmbientValues>"
        "</nonAmbientPoints>",
        kelvin);
  };
  EXPECT_EQ(patterns({}, "5", "5"), 1u);
  EXPECT_EQ(patterns({}, "5", "6"), 2u) << "another incidence";
  EXPECT_EQ(patterns({}, at("300"), at("300")), 1u);
  EXPECT_EQ(patterns({}, at("300"), at("310")), 2u);
  XrdmlText heated{.measurement =
                       "measurementType=\"Non-ambient measurement\" measurementStepAxis=\"Temperature\""};
  EXPECT_EQ(patterns(heated, "5", "5"), 2u);
  heated.measurement = "measurementType=\"Repeated scan\" measurementStepAxis=\"Time\"";
  EXPECT_EQ(patterns(heated, "5", "5"), 1u);
}

TEST(Xrdml, ReadsScansOverOtherAxesAsWhatTheyAre) {
  std::string text =
      replaced(XrdmlText{.scan = "scanAxis=\"Omega\""}.text(), "<commonPosition>5</commonPosition>",
               "<startPosition>-250</startPosition><endPosition>-192</endPosition>");
  const Scan scan = read(text).at(0);
  EXPECT_EQ(scan.other_axis.value().name, "omega");
  EXPECT_EQ(scan.other_axis->unit, "deg");
  EXPECT_EQ(scan.x.front(), -250);
  EXPECT_EQ(scan.x[1], -248);
  EXPECT_TRUE(scan.warnings.empty());
  text = replaced(text, "axis=\"Omega\" unit=\"deg\"", "axis=\"Omega\" unit=\"mm\"");
  EXPECT_NE(refusal(xrdml_format(), text).find("omega in 'mm', not in deg"), std::string::npos);
}

TEST(Xrdml, TakesTheIntendedLine) {
  const std::string text = XrdmlText{}.text();
  const Scan beta = read(replaced(text, "K-Alpha 1", "K-Beta"))[0];
  EXPECT_EQ(beta.radiation.wavelength, 1.39225);
  EXPECT_FALSE(beta.radiation.alpha2);
  EXPECT_TRUE(read(replaced(text, ">1.5405980<", ">15.4<"))[0].radiation.fault.has_value());
  // What the file names stays; positions are those of K alpha 1.
  const Scan first = read(replaced(text, "<ratioKAlpha2KAlpha1>0.5", "<ratioKAlpha2KAlpha1>0"))[0];
  EXPECT_EQ(first.radiation.alpha2, 1.544426);
  EXPECT_EQ(first.alpha2_ratio, 0);
  EXPECT_EQ(first.radiation.position_wavelength, 1.540598);
  EXPECT_EQ(read(replaced(text, ">1.5405980<", ">15.4<"))[0].radiation.fault,
            "line 6: wavelength 15.4 A is outside 0.1..3 A");
  const Scan pure =
      read(replaced(text, "<filter name=\"Beta-filter Nickel\"/>", "<monochromator name=\"Ge 111\"/>"))[0];
  EXPECT_EQ(pure.radiation.position_wavelength, 1.540598);
  EXPECT_EQ(pure.notes.size(), 1u);
}

TEST(Xrdml, ReadsTheShortForm) {
  const auto text = [](const std::string& axis, const std::string& intensities) {
    return fmt::format(
        R"(<xrdMeasurements xmlns="http://www.xpdd.org/xrdml/1.0"><xrdMeasurement><sample><name>x</name></sample>
<scan><xrdElement><commonParameters><tubeAnode>Cu</tubeAnode><wavelengths><kAlpha1>1.5405</kAlpha1><kAlpha2>1.5443</kAlpha2>
</wavelengths><goniometer><thetaMin>15</thetaMin><thetaMax>15.04</thetaMax><stepSize>0.02</stepSize><scanAxis>{}</scanAxis>
</goniometer></commonParameters>{}</xrdElement></scan></xrdMeasurement></xrdMeasurements>)",
        axis, intensities);
  };
  const Scan plain = read(text("2Theta/Theta", "<intensities>1.5 2 3</intensities>"))[0];
  EXPECT_EQ(plain.intensity, (std::vector<double>{1.5, 2, 3}));
  EXPECT_DOUBLE_EQ(plain.x[1], 15.02);
  EXPECT_EQ(plain.sample, "x");
  const Scan packed =
      read(text("2Theta/Theta", "<intensities encoding=\"base64\">MS41IDIg\nMw==</intensities>"))[0];
  EXPECT_EQ(packed.intensity, plain.intensity);
  for (const char* bad :
       {"<intensities>1 2</intensities>", "<intensities encoding=\"base64\">MS41I</intensities>",
        "<intensities encoding=\"hex\">00</intensities>",
        "<intensities encoding=\"base64\">AAECAwQF</intensities>", ""})
    EXPECT_NE(refusal(xrdml_format(), text("2Theta/Theta", bad)), "") << bad;
  EXPECT_NE(refusal(xrdml_format(), text("Omega", "<intensities>1.5 2 3</intensities>")), "");
}

TEST(Xrdml, HostileXmlIsRefusedInBoundedTime) {
  const std::string text = XrdmlText{}.text();
  expect_bounded(xrdml_format(), text);
  EXPECT_EQ(refusal(xrdml_format(), replaced(text, "<xrdMeasurements",
                                             "<!DOCTYPE a [<!ENTITY b SYSTEM \"/etc/passwd\">]>"
                                             "<xrdMeasurements")),
            "sample:2: a document type declaration, which no instrument writes: it is not read");
  std::string deep = "<xrdMeasurements>";
  for (int i = 0; i < 300'000; ++i)
    deep += "<a>";
  EXPECT_NE(refusal(xrdml_format(), deep), "");
  std::string closed = "<xrdMeasurements>";
  for (int i = 0; i < 100; ++i)
    closed += "<a>";
  for (int i = 0; i < 100; ++i)
    closed += "</a>";
  EXPECT_NE(refusal(xrdml_format(), closed + "</xrdMeasurements>").find("nested more than 64 deep"),
            std::string::npos);
  std::string wide = "<xrdMeasurements>";
  for (int i = 0; i < 2'100'000; ++i)
    wide += "<a/>";
  EXPECT_NE(refusal(xrdml_format(), wide + "</xrdMeasurements>").find("of '<' in the XML"),
            std::string::npos);
  EXPECT_NE(refusal(xrdml_format(), text + "<xrdMeasurements/>").find("2 elements at the top"),
            std::string::npos);
  EXPECT_NE(refusal(xrdml_format(), std::string(text).replace(300, 1, 1, '\0')).find("NUL"),
            std::string::npos);
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Xrdml, SharedSamples) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns/xrdml");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string bytes = bytes_of(entry.path()), name = entry.path().filename().string();
    ASSERT_TRUE(xrdml_format().looks_like(bytes)) << name;
    const auto scans = scans_of(xrdml_format(), bytes, name);
    ASSERT_EQ(scans.size(), 1u) << name;
    const bool is_short = name == "base64_PbSO4.xrdml" || name == "cu_quartz.xrdml";
    EXPECT_EQ(scans[0].radiation.wavelength, is_short ? 1.5405 : 1.540598) << name;
    EXPECT_EQ(scans[0].radiation.alpha2, is_short ? 1.5443 : 1.544426) << name;
    EXPECT_EQ(scans[0].anode, "Cu") << name;
    EXPECT_GE(scans[0].x.size(), 5027u) << name;
    EXPECT_TRUE(scans[0].warnings.empty()) << name;
    ++files;
  }
  EXPECT_EQ(files, 34);
  const auto scan = scans_of(xrdml_format(), bytes_of(folder / "XRD-918-16_10.xrdml"))[0];
  EXPECT_EQ(scan.x.front(), 4.00656514);
  EXPECT_EQ(scan.x.back(), 69.99936587);
  EXPECT_EQ(scan.intensity[2], 1345);
  EXPECT_EQ(scan.counting_time, 39.27);
  EXPECT_EQ(scan.instrument, "EMPYREAN (0000000011193406)");
}

}  // namespace
}  // namespace bragg::data
