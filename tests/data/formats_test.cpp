// The registry of formats: what is recognised, what is refused by name, and what becomes of scans.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/formats/scan_writer.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

using std::string_literals::operator""s;

std::string rows(int count = 100) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format("{:.2f} {}\n", 10 + 0.02 * i, 100 + i);
  return text;
}

std::string why_refused(const std::string& bytes, const std::string& name) {
  try {
    read_scans(FileBytes{bytes, name});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Formats, NamesOfTheirOwnAndExtensions) {
  std::vector<std::string> names;
  for (const Format& format : formats()) {
    EXPECT_EQ(std::count(names.begin(), names.end(), format.name), 0) << format.name;
    names.emplace_back(format.name);
    EXPECT_FALSE(format.extensions.empty());
    for (const std::string& extension : format.extensions)
      EXPECT_TRUE(extension.starts_with('.') && extension.size() > 1) << extension;
    // By content: whatever the bytes are, a look at them is no error.
    for (const std::string& bytes : {""s, "\0"s, "PK\3\4"s, "<?xml"s, "RAW"s, rows()})
      format.looks_like(bytes);
  }
  EXPECT_STREQ(formats().back().name, "text in columns");
  EXPECT_EQ((FileBytes{"", "/a.b/Sample.XRDML.GZ"}.extension()), ".xrdml");
  EXPECT_EQ((FileBytes{"", "-"}.extension()), "");
}

TEST(Formats, TextIsWhatItWas) {
  const std::string text = "# K-Alpha1 wavelength: 1.5406 A\n" + rows();
  const ReadScans read = read_scans(FileBytes{text, "a.raw"});
  EXPECT_STREQ(read.format->name, "text in columns");
  ASSERT_EQ(read.scans.size(), 1u);
  const Scan& scan = read.scans[0];
  EXPECT_EQ(scan.x.size(), 100u);
  EXPECT_EQ(scan.radiation.wavelength, 1.5406);
  ASSERT_TRUE(scan.text.has_value());
  EXPECT_FALSE(scan.text->axis_is_named);
  EXPECT_NE(why_refused("1 2\n3 nan\n", "b.xy").find("b.xy:2: intensity nan"), std::string::npos);
  EXPECT_EQ(why_refused("", "c.xy"), "c.xy: empty file");
}

TEST(Formats, WhatIsNoMeasurementIsRefusedByName) {
  struct Case {
    std::string bytes, name, says, what_to_do;
  };
  const std::string padding(2000, '\0');
  const Case cases[] = {
      {"\x89PNG\r\n\x1A\n" + padding, "a.xy", "a PNG image", "not its picture"},
      {"\xFF\xD8\xFF\xE0" + padding, "a.xy", "a JPEG image", "not its picture"},
      {"BM" + "\x36\1\0\0"s + padding, "a", "a BMP image", "not its picture"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\">\n", "a", "an SVG image", "not its picture"},
      {"%PDF-1.4\n", "a.txt", "a PDF document", "not its picture"},
      {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + padding, "a.xls", "an office document", ".csv"},
      {"PK\3\4" + padding + "xl/workbook.xml", "a.xlsx", "an Excel workbook", ".csv"},
      {"PK\3\4" + padding + "word/document.xml", "a.docx", "a Word document", "text"},
      {"PK\3\4" + padding, "a.zip", "a zip archive", "unpack"},
      {"\x89HDF\r\n\x1A\n" + padding, "a.nxs", "HDF5 (NeXus", "with its wavelength"},
      {std::string(512, '\0') + "\x89HDF\r\n\x1A\n" + padding, "a.h5", "HDF5", "wavelength"},
      {"RAW_1.06Powdat" + padding, "a.raw", "Stoe .raw", "WinXPOW"},
      {"V5RD" + padding, "a.rd", "Philips PC-APD .rd", ".xrdml"},
      {"V3SD" + padding, "a.sd", "Philips PC-APD .sd", ".xrdml"},
      {"SampleIdent,Sample5 ,/\nTitle1,Dat2rit program ,/\n", "a.udf", "Philips .udf", ".xrdml"},
      {"&Title=x\n&Range=3\n", "a.nja", "Seifert .nja", "Rayflex"},
      {"?\1\2\3" + padding, "a.val", "Seifert .val", "Rayflex"},
      {rows(), "a.nja", "Seifert .nja", "Rayflex"},
      {rows(), "a.pro", "Stoe .pro", "WinXPOW"},
      {"words\n" + rows(), "a.udf", "Philips .udf", ".xrdml"},
      {rows(), "a.val", "Seifert .val", "Rayflex"},
      {"# made by hand\ndata_quartz\n_cell_length_a 4.9\nloop_\n_atom_site_label\nSi1\n", "a.cif",
       "a CIF without a measured profile", "crystals import"},
      {"<?xml version=\"1.0\"?>\n<BSML>\n", "a.bsml", "Bruker .bsml", ".brml"},
      {"\1\2\3" + padding, "a.bsml", "Bruker .bsml", ".brml"},
      {"\3\0\0\0\0\0\0\0{\"a\":1}"s + padding, "a.bin", "safetensors", "predict"},
      {"BZh91AY&SY" + padding, "a.bz2", "compressed by bzip2", "unpack"},
      {"\1\2\3\4" + padding, "a.xyz", "binary data, not text", "export"},
      {"<?xml version=\"1.0\"?>\n<html>\n", "a.xy", "a document in XML or HTML", "export"},
  };
  for (const Case& c : cases) {
    const std::string why = why_refused(c.bytes, c.name);
    EXPECT_NE(why.find(c.says), std::string::npos) << c.name << ": '" << why << "' should name " << c.says;
    EXPECT_NE(why.find(c.what_to_do), std::string::npos) << c.name << ": " << why;
  }
}

Scan scan_of(std::vector<double> x, std::vector<double> intensity) {
  Scan scan;
  scan.x = std::move(x);
  scan.intensity = std::move(intensity);
  scan.unit = IntensityUnit::counts;
  return scan;
}

ReadScans file_of(std::vector<Scan> scans) {
  ReadScans file;
  file.scans = std::move(scans);
  return file;
}

TEST(ScanPattern, RepeatsAreSummedAndSaid) {
  Scan a = scan_of({10, 10.1, 10.2}, {1, 2, 3}), b = scan_of({10, 10.1, 10.2}, {10, 20, 30}),
       c = scan_of({10, 10.1, 10.3}, {5, 5, 5});
  a.counting_time = 1;
  b.counting_time = 2;
  a.uncertainty = {3, 3, 3};
  b.uncertainty = {4, 4, 4};
  const auto chosen = choose_scans(file_of({a, b, c}), std::nullopt);
  ASSERT_EQ(chosen.size(), 2u);
  EXPECT_EQ(chosen[0].scan.intensity, (std::vector<double>{11, 22, 33}));
  EXPECT_EQ(chosen[0].scan.uncertainty, (std::vector<double>{5, 5, 5}));
  EXPECT_EQ(chosen[0].scan.counting_time, 3);
  EXPECT_EQ(chosen[0].repeats, 2);
  ASSERT_EQ(chosen[0].scan.notes.size(), 1u);
  EXPECT_NE(chosen[0].scan.notes[0].how.find("summed"), std::string::npos);
  EXPECT_EQ(chosen[1].number, 3);
  const auto second = choose_scans(file_of({a, b, c}), 2);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].scan.intensity, b.intensity);
  EXPECT_THROW(choose_scans(file_of({a, b, c}), 4), UsageError);
  EXPECT_THROW(choose_scans(file_of({a, b, c}), 0), UsageError);
  a.unit = b.unit = IntensityUnit::counts_per_second;
  EXPECT_EQ(choose_scans(file_of({a, b}), std::nullopt)[0].scan.intensity,
            (std::vector<double>{5.5, 11, 16.5}));
  // Counts beside those of an attenuator: theirs are of Poisson's statistics.
  Scan weakened = scan_of({10, 10.1, 10.2}, {400, 400, 400}),
       plain = scan_of({10, 10.1, 10.2}, {900, 0, 900});
  weakened.uncertainty = {40, 40, 40};
  weakened.attenuation = 4;
  weakened.notes.push_back({"attenuator", "multiplied", "line 1"});
  for (const auto& both : {std::vector{weakened, plain}, std::vector{plain, weakened}}) {
    const Scan sum = choose_scans(file_of(both), std::nullopt)[0].scan;
    EXPECT_EQ(sum.uncertainty, (std::vector<double>{50, std::hypot(40, 1), 50}));
    EXPECT_EQ(sum.attenuation, 4);
    EXPECT_EQ(sum.notes.size(), 2u);
  }
  // A heating series is none, nor is another incidence.
  a.held = b.held = {{"temperature", 300}};
  EXPECT_EQ(choose_scans(file_of({a, b}), std::nullopt).size(), 1u);
  b.held[0].value = 310;
  EXPECT_EQ(choose_scans(file_of({a, b}), std::nullopt).size(), 2u);
  b.held = a.held;
  // Another sample, another radiation: no repeat.
  b.sample = "other";
  EXPECT_EQ(choose_scans(file_of({a, b}), std::nullopt).size(), 2u);
}

TEST(ScanPattern, AscendingInTheUnitsOfPatterns) {
  Scan scan = scan_of({30, 20, 20, 10}, {1, 2, 4, 5});
  scan.axis = AxisQuantity::theta;
  scan.uncertainty = {1, 3, 4, 1};
  const ScanPattern data = to_pattern(scan);
  EXPECT_EQ(data.pattern.x, (std::vector<double>{20, 40, 60}));
  EXPECT_EQ(data.pattern.intensity, (std::vector<double>{5, 3, 1}));
  EXPECT_EQ(data.uncertainty, (std::vector<double>{1, 2.5, 1}));
  scan.axis = AxisQuantity::d;
  EXPECT_EQ(to_pattern(scan).pattern.abscissa, Abscissa::d);
}

TEST(ScanPattern, ImpossibleScansAreRefused) {
  const auto refuses = [](const Scan& scan, const std::string& says) {
    try {
      to_pattern(scan);
      ADD_FAILURE() << "taken: should say " << says;
    } catch (const PatternRefused& refused) {
      EXPECT_NE(std::string(refused.what()).find(says), std::string::npos) << refused.what();
    }
  };
  refuses(scan_of({}, {}), "without points");
  refuses(scan_of({1, 2}, {1}), "2 positions and 1 intensities");
  refuses(scan_of({1, NAN}, {1, 1}), "not finite");
  refuses(scan_of({1, 2}, {1, INFINITY}), "not finite");
  refuses(scan_of({1, 190}, {1, 1}), "190 is impossible");
  refuses(scan_of({1, 3, 2}, {1, 1, 1}), "neither ascending nor descending");
  Scan omega = scan_of({1, 2}, {1, 1});
  omega.scan_axis = "Omega";
  refuses(omega, "over Omega");
  omega.scan_axis = "2Theta-Omega";
  EXPECT_EQ(to_pattern(omega).pattern.x.size(), 2u);
  omega.other_axis = OtherAxis{"phi", "deg"};
  refuses(omega, "over phi, not 2 theta");
  // A plot of any scan must be able to tell its positions apart.
  omega.x = {1e17, 1e17 + 32};
  EXPECT_THROW(to_rows(omega), PatternRefused);
}

TEST(ScanPattern, ScansOverOtherAxesAreLeftOutBesidePatterns) {
  const Scan powder = scan_of({10, 11}, {1, 2});
  Scan phi = scan_of({-200, -100, 300}, {1, 2, 3});
  phi.other_axis = OtherAxis{"phi", "deg"};
  const auto chosen = choose_scans(file_of({phi, powder, phi}), std::nullopt);
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_EQ(chosen[0].number, 2);
  EXPECT_EQ(chosen[0].scan.warnings,
            std::vector<std::string>{"no diffraction axis, left out: scan 1 over phi, 3 over phi"});
  EXPECT_EQ(choose_scans(file_of({phi, powder}), 1)[0].scan.x.size(), 3u);
  // Where there is nothing else they stay; the detector may stand elsewhere in the second one.
  EXPECT_EQ(choose_scans(file_of({phi, phi}), std::nullopt).size(), 2u);
  EXPECT_EQ(describe_scan(phi, 1), "1: phi -200..300, 3 points");
  EXPECT_EQ(scan_as_columns(phi, ColumnLayout::xy), "# phi_deg intensity\n-200 1\n-100 2\n300 3\n");
  EXPECT_THROW(scan_as_cif(phi, "a"), PatternRefused);
}

TEST(ScanPattern, RadiationFromNumbersThenFromTheAnode) {
  Scan scan = scan_of({1, 2}, {1, 1});
  EXPECT_FALSE(radiation_of(scan).wavelength.has_value());
  scan.anode = "Cu";
  EXPECT_NEAR(*radiation_of(scan).wavelength, 1.540598, 1e-4);
  EXPECT_TRUE(radiation_of(scan).is_of_anode);
  EXPECT_NEAR(*radiation_of(scan).position_wavelength, 1.54187, 1e-4);
  scan.radiation.wavelength = 1.540598;
  scan.radiation.alpha2 = 1.544426;
  EXPECT_FALSE(radiation_of(scan).is_of_anode);
  scan.alpha2_ratio = 0;
  EXPECT_EQ(*radiation_of(scan).position_wavelength, 1.540598);
  scan.alpha2_ratio = 0.5;
  EXPECT_NEAR(*radiation_of(scan).position_wavelength, 1.541874, 1e-9);
  scan.radiation.wavelength = 15.4;
  EXPECT_NE(radiation_of(scan).fault.value_or("").find("15.4"), std::string::npos);
}

TEST(ScanWriter, TextIsReadBackAsItWas) {
  Scan scan;
  for (int i = 0; i < 50; ++i) {
    scan.x.push_back(10 + 0.0131 * i);
    scan.intensity.push_back(100 + i);
    scan.uncertainty.push_back(0.5 + i);
  }
  const auto back = [&](ColumnLayout layout, const char* name) {
    const std::string text = scan_as_columns(scan, layout);
    Scan read = read_scans(FileBytes{text, name}).scans.at(0);
    EXPECT_TRUE(read.warnings.empty()) << read.warnings[0] << "\n" << text.substr(0, 200);
    EXPECT_TRUE(read.radiation.warnings.empty()) << read.radiation.warnings[0];
    EXPECT_TRUE(read.text->axis_is_named) << text.substr(0, 200);
    EXPECT_EQ(read.axis, scan.axis);
    return read;
  };
  for (const auto axis : {AxisQuantity::two_theta, AxisQuantity::q, AxisQuantity::d}) {
    scan.axis = axis;
    for (const bool pair : {false, true}) {
      scan.radiation = {};
      scan.radiation.wavelength = pair ? 1.540598 : 0.41347;
      if (pair) scan.radiation.alpha2 = 1.544426;
      for (const auto layout : {ColumnLayout::xy, ColumnLayout::xye, ColumnLayout::csv}) {
        const Scan read = back(layout, layout == ColumnLayout::csv ? "a.csv" : "a.xye");
        ASSERT_EQ(read.x.size(), 50u);
        for (std::size_t i = 0; i < 50; ++i)
          EXPECT_NEAR(read.x[i], scan.x[i], 1e-8);
        EXPECT_EQ(read.intensity, scan.intensity);
        EXPECT_EQ(read.uncertainty, layout == ColumnLayout::xy ? std::vector<double>() : scan.uncertainty);
        EXPECT_EQ(read.radiation.wavelength, scan.radiation.wavelength);
        EXPECT_EQ(read.radiation.alpha2, scan.radiation.alpha2);
        EXPECT_NEAR(*read.radiation.position_wavelength, *radiation_of(scan).position_wavelength, 1e-9);
      }
    }
  }
  scan.axis = AxisQuantity::two_theta;
  scan.radiation = {};
  EXPECT_FALSE(back(ColumnLayout::xy, "a.xy").radiation.wavelength.has_value());
  scan.uncertainty.clear();
  EXPECT_THROW(scan_as_columns(scan, ColumnLayout::xye), PatternRefused);
  scan.unit = IntensityUnit::counts;
  EXPECT_EQ(back(ColumnLayout::xye, "a.xye").uncertainty[0], 10);
}

TEST(ScanWriter, WritesNoRatioThatTheScanLacks) {
  Scan scan = scan_of({10, 11}, {1, 2});
  scan.radiation.wavelength = 1.540598;
  scan.radiation.alpha2 = 1.544426;
  EXPECT_EQ(scan_as_columns(scan, ColumnLayout::xy),
            "# K-Alpha1 wavelength = 1.540598 A\n# K-Alpha2 wavelength = 1.544426 A\n# 2theta_deg intensity\n"
            "10 1\n11 2\n");
  EXPECT_EQ(scan_as_cif(scan, "a").find("_wt"), std::string::npos) << scan_as_cif(scan, "a");
  EXPECT_NE(scan_as_cif(scan, "a").find("\n1 1.540598\n2 1.544426\n"), std::string::npos);
  scan.alpha2_ratio = 0.497;
  EXPECT_NE(scan_as_columns(scan, ColumnLayout::xy).find("# Ratio K-Alpha2/K-Alpha1 = 0.497\n"),
            std::string::npos);
  EXPECT_NE(scan_as_cif(scan, "a").find("_wt\n1 1.540598 1.0\n2 1.544426 0.497\n"), std::string::npos);
}

TEST(TextColumns, AThirdColumnIsTakenForUncertaintiesAndSaid) {
  const auto read = [](double sigma, const char* header) {
    std::string text = header;
    for (int i = 0; i < 30; ++i)
      text += fmt::format("{:.2f} {} {}\n", 10 + 0.02 * i, 100 + i, i == 7 ? sigma : 10);
    return read_scans(FileBytes{text, "a.xye"}).scans.at(0);
  };
  const Scan unnamed = read(10, "# sample\n");
  EXPECT_EQ(unnamed.uncertainty.size(), 30u);
  ASSERT_EQ(unnamed.notes.size(), 1u);
  EXPECT_EQ(unnamed.notes[0].what, "uncertainty");
  EXPECT_EQ(unnamed.notes[0].how, "column 3, which no header names, is taken for the standard uncertainty");
  EXPECT_EQ(unnamed.notes[0].from, "line 2");
  EXPECT_TRUE(unnamed.warnings.empty());
  const Scan none = read(-1, "# sample\n");
  EXPECT_TRUE(none.uncertainty.empty());
  EXPECT_TRUE(none.notes.empty());
  ASSERT_EQ(none.warnings.size(), 1u);
  EXPECT_EQ(none.warnings[0], "line 9: -1 in column 3 is no standard uncertainty: the column is not used");
  const Scan named = read(10, "# 2theta_deg intensity uncertainty\n");
  EXPECT_EQ(named.uncertainty.size(), 30u);
  EXPECT_TRUE(named.notes.empty());
}

TEST(TextColumns, AnEndWithinANumberIsSaidWhereItCanBeTold) {
  const auto warnings = [](const std::string& text) {
    return read_scans(FileBytes{text, "a.xy"}).scans.at(0).warnings.size();
  };
  std::string counts, decimals;
  for (int i = 0; i < 40; ++i) {
    counts += fmt::format("{:.2f} {}\n", 10 + 0.02 * i, 100 + i);
    decimals += fmt::format("{:.2f}\t{:.3f}\r\n", 10 + 0.02 * i, 5000 / (1.0 + i));
  }
  // Every part that ends within a row is an error or has a warning; one that ends between rows can't be told.
  for (const std::string& whole : {counts, decimals}) {
    EXPECT_EQ(warnings(whole), 0u);
    const std::string without_end = whole.substr(0, whole.find_last_not_of("\r\n") + 1);
    EXPECT_EQ(warnings(without_end), 0u) << "many programs end a file so";
    for (std::size_t end = whole.size() / 2; end < without_end.size(); ++end) {
      const bool between = whole[end] == '\n' || whole[end] == '\r' || whole[end - 1] == '\n';
      if (between) continue;
      const std::string part = whole.substr(0, end);
      try {
        EXPECT_EQ(warnings(part), 1u) << part.substr(part.size() - 20);
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(":"), std::string::npos);
      }
    }
  }
  EXPECT_EQ(warnings(counts + "11.00 5"), 1u);
  EXPECT_EQ(warnings(counts + "11.00 5\n"), 0u);
}

}  // namespace
}  // namespace bragg::data
