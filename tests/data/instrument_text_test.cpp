// Text files of instruments and programs: .uxd, .ras, GSAS, counts below start, step and end, .chi.
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/formats/bruker_uxd.h"
#include "data/formats/fit2d_chi.h"
#include "data/formats/gsas.h"
#include "data/formats/line_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/rigaku_ras.h"
#include "data/formats/scan_pattern.h"
#include "data/formats/stated_radiation.h"
#include "data/formats/step_rows.h"
#include "data/text_source.h"
#include "tests/data/format_checks.h"
#include "tests/support/shared_data.h"

namespace bragg::data::tests {
namespace {

int count_at(int i) {
  return 100 + (i * 37) % 53;
}
double sum_of(const Scan& scan) {
  double sum = 0;
  for (const double y : scan.intensity)
    sum += y;
  return sum;
}

/// "     100     137" of ten a line.
std::string rows_of_counts(int points) {
  std::string text;
  for (int i = 0; i < points; ++i) {
    text += fmt::format("{:8}", count_at(i));
    if (i % 10 == 9 || i + 1 == points) text += "\n";
  }
  return text;
}

std::string uxd(const std::string& drive, const std::string& keyword) {
  std::string text =
      "; made for a test\n_FILEVERSION=2\n_SAMPLE='calcite'\n_MONOCHROMATOR=3\n; "
      "Graphite\n_DATEMEASURED='24-Sep-2008 10:09:34'\n"
      "_WL_UNIT='A'\n_WL1=1.540600\n_WL2=1.544390\n_WLRATIO=0.500000\n_ANODE='Cu'\n";
  for (const int start : {5, 10}) {
    text += fmt::format(
        "; (Data for Range number "
        "{})\n_DRIVE='{}'\n_STEPTIME=1.5\n_STEPSIZE=0.02\n_START={}\n_STEPCOUNT=30\n_{}\n",
        start / 5, drive, start, keyword);
    for (int i = 0; i < 30; ++i) {
      if (keyword.starts_with("2THETA")) text += fmt::format("  {:.4f}", start + 0.02 * i);
      text += fmt::format(" {}", count_at(i));
      if (keyword.starts_with("2THETA") || i % 8 == 7 || i == 29) text += "\n";
    }
  }
  return text;
}

TEST(BrukerUxd, ReadsRangesWithAndWithoutPositions) {
  for (const std::string keyword : {"COUNTS", "2THETACOUNTS", "CPS", "2THETACPS"}) {
    const auto scans = read_as(bruker_uxd_format(), uxd("COUPLED", keyword));
    ASSERT_EQ(scans.size(), 2) << keyword;
    ASSERT_EQ(scans[1].x.size(), 30);
    for (int i = 0; i < 30; ++i) {
      EXPECT_NEAR(scans[1].x[i], 10 + 0.02 * i, 1e-9);
      EXPECT_EQ(scans[1].intensity[i], count_at(i));
    }
    EXPECT_EQ(scans[0].unit,
              keyword.ends_with("CPS") ? IntensityUnit::counts_per_second : IntensityUnit::counts);
    EXPECT_EQ(*scans[0].radiation.wavelength, 1.5406);
    EXPECT_EQ(*scans[0].radiation.alpha2, 1.54439);
    EXPECT_EQ(scans[0].alpha2_ratio, 0.5);
    EXPECT_EQ(scans[0].anode, "Cu");
    EXPECT_EQ(scans[0].counting_time, 1.5);
    EXPECT_EQ(scans[0].sample, "calcite");
    EXPECT_EQ(scans[0].monochromator, "Graphite");
    EXPECT_EQ(scans[0].date, "2008-09-24T10:09:34");
  }
}

TEST(BrukerUxd, ReadsScansOfOtherDrivesAsWhatTheyAre) {
  for (const char* keyword : {"COUNTS", "2THETACPS"}) {
    const auto scans = read_as(bruker_uxd_format(), uxd("PHI", keyword));
    ASSERT_EQ(scans.size(), 2) << keyword;
    ASSERT_TRUE(scans[1].other_axis) << keyword;
    EXPECT_EQ(scans[1].other_axis->name, "phi");
    EXPECT_EQ(scans[1].other_axis->unit, "deg");
    EXPECT_NEAR(scans[1].x[29], 10.58, 1e-9);
  }
  EXPECT_EQ(read_as(bruker_uxd_format(), uxd("THETA", "COUNTS"))[0].other_axis->name, "omega");
  EXPECT_EQ(read_as(bruker_uxd_format(), uxd("Z", "COUNTS"))[0].other_axis->unit, "mm");
}

TEST(BrukerUxd, WarningsOfTheFileAreThoseOfEveryScanThatIsChosen) {
  std::string text = uxd("COUPLED", "COUNTS");
  text.replace(text.find("COUPLED"), 7, "PHI");
  text.resize(text.size() - 1);
  const ReadScans read = bruker_uxd_format().read({text, "a"});
  ASSERT_EQ(read.scans.size(), 2);
  const std::vector<std::string> cut{LineReader::cut_off_warning};
  EXPECT_EQ(read.warnings, cut);
  const auto chosen = choose_scans(read, std::nullopt);
  ASSERT_EQ(chosen.size(), 1) << "the scan over phi is left out";
  EXPECT_EQ(chosen[0].scan.warnings.at(0), cut[0]);
  EXPECT_EQ(choose_scans(read, 2).at(0).scan.warnings, cut);
}

TEST(BrukerUxd, AHeaderWithoutItsDataIsTold) {
  // Where the data of a range end, nothing shows that another one was to follow; behind that every byte does.
  const std::string text = uxd("COUPLED", "COUNTS");
  const std::size_t second = text.find("; (Data for Range number 2)");
  for (std::size_t size = second + 1; size < text.size(); ++size) {
    const std::string part = text.substr(0, size);
    if (refusal_of(bruker_uxd_format(), part).empty()) {
      EXPECT_FALSE(read_as(bruker_uxd_format(), part)[0].warnings.empty()) << part.substr(second);
    }
  }
  EXPECT_TRUE(read_as(bruker_uxd_format(), text)[0].warnings.empty());
}

TEST(BrukerUxd, EveryRowHasItsNumbers) {
  EXPECT_EQ(refusal_of(bruker_uxd_format(), "_FILEVERSION=2\n_2THETACOUNTS\n5.0 100\n5.02\n5.04 102 7\n"),
            "test:4: 1 numbers ('5.02') in rows of 2");
}

TEST(BrukerUxd, CountingTimesThatVaryMakeRates) {
  std::string text =
      "_FILEVERSION=2\n_DRIVE='COUPLED'\n_STEPCOUNT=3\n_2THETACOUNTSTIME\n5.0 100 1\n5.1 400 2\n5.2 9 1\n";
  const Scan rates = read_as(bruker_uxd_format(), text)[0];
  EXPECT_EQ(rates.intensity, (std::vector<double>{100, 200, 9}));
  EXPECT_EQ(rates.uncertainty, (std::vector<double>{10, 10, 3}));
  EXPECT_EQ(rates.unit, IntensityUnit::counts_per_second);
  EXPECT_NEAR(*rates.counting_time, 4.0 / 3, 1e-12);
  text.replace(text.find("400 2"), 5, "400 1");
  const Scan counts = read_as(bruker_uxd_format(), text)[0];
  EXPECT_EQ(counts.intensity[1], 400);
  EXPECT_EQ(counts.counting_time, 1);
  text.insert(text.find("_2THETA"), "_DIVERGENCE='V20'\n");
  EXPECT_EQ(read_as(bruker_uxd_format(), text)[0].slits, SlitMode::automatic);
}

TEST(BrukerUxd, RangesThatWereNotMeasuredAreLeftOut) {
  std::string text = uxd("COUPLED", "COUNTS");
  text += "; (Data for Range number 3)\n_DRIVE='COUPLED'\n_START=15\n_STEPCOUNT=1\n_COUNTS\n 7\n";
  const ReadScans read = bruker_uxd_format().read({text, "a"});
  EXPECT_EQ(read.scans.size(), 2);
  ASSERT_EQ(read.warnings.size(), 1);
  EXPECT_NE(read.warnings[0].find("is left out: 1 points"), std::string::npos) << read.warnings[0];
  // As many as no measurement has: each would take a thousand bytes.
  std::string many = "_FILEVERSION=2\n_STEPSIZE=1\n_STEPCOUNT=2\n";
  for (std::size_t i = 0; i <= most_scans; ++i)
    many += "_START=1\n_COUNTS\n1 2\n";
  EXPECT_NE(refusal_of(bruker_uxd_format(), many).find("more than 50000 ranges in one file"),
            std::string::npos)
      << refusal_of(bruker_uxd_format(), many);
}

TEST(BrukerUxd, RefusesUnknownDrivesAndWhatContradictsItself) {
  EXPECT_TRUE(is_refused_by_name(bruker_uxd_format(), uxd("AUX1", "COUNTS")));
  EXPECT_NE(refusal_of(bruker_uxd_format(), uxd("AUX1", "COUNTS")).find("drive AUX1"), std::string::npos);
  // The drive's own start is 10, and what stands below 2THETA may be 2 theta.
  std::string two_theta = uxd("PHI", "2THETACPS");
  for (const char* start : {"_START=5", "_START=10"})
    two_theta.replace(two_theta.find(start), std::string_view(start).size(), "_START=0");
  EXPECT_TRUE(is_refused_by_name(bruker_uxd_format(), two_theta));
  std::string short_range = uxd("COUPLED", "COUNTS");
  short_range.replace(short_range.find("_STEPCOUNT=30"), 13, "_STEPCOUNT=31");
  EXPECT_NE(refusal_of(bruker_uxd_format(), short_range).find("30 points below it, but _STEPCOUNT=31"),
            std::string::npos);
  EXPECT_NE(
      refusal_of(bruker_uxd_format(), "_FILEVERSION=2\n_WHATEVER\n1 2 3\n").find("'WHATEVER' is not known"),
      std::string::npos);
}

std::string ras(const std::string& axis, double factor) {
  std::string text = "*RAS_DATA_START\r\n";
  for (const int start : {5, 20}) {
    text += fmt::format(
        "*RAS_HEADER_START\r\n*FILE_SAMPLE \"calcite\"\r\n*HW_XG_TARGET_NAME "
        "\"Cu\"\r\n*HW_XG_WAVE_LENGTH_ALPHA1 \"1.540593\"\r\n"
        "*HW_XG_WAVE_LENGTH_ALPHA2 \"1.544414\"\r\n*MEAS_COND_AXIS_NAME_INTERNAL-20 \"Filter\"\r\n"
        "*MEAS_COND_AXIS_POSITION-20 \"Cu_K-beta\"\r\n*MEAS_DATA_COUNT "
        "\"25.0000000000\"\r\n*MEAS_SCAN_AXIS_X \"{}\"\r\n"
        "*MEAS_SCAN_SPEED \"1.2\"\r\n*MEAS_SCAN_SPEED_UNIT \"deg/min\"\r\n*MEAS_SCAN_UNIT_X "
        "\"deg\"\r\n*MEAS_SCAN_UNIT_Y \"counts\"\r\n"
        "*RAS_HEADER_END\r\n*RAS_INT_START\r\n",
        axis);
    for (int i = 0; i < 25; ++i)
      text += fmt::format("{:.4f} {:.4f} {:.4f}\r\n", start + 0.02 * i, double(count_at(i)),
                          i == 12 ? factor : 1.0);
    text += "*RAS_INT_END\r\n";
  }
  return text + "*RAS_DATA_END\r\n";
}

TEST(RigakuRas, ReadsScansAndMultipliesByTheAttenuator) {
  const auto scans = read_as(rigaku_ras_format(), ras("2-Theta/Theta", 10));
  ASSERT_EQ(scans.size(), 2);
  ASSERT_EQ(scans[1].x.size(), 25);
  EXPECT_NEAR(scans[1].x[24], 20.48, 1e-9);
  EXPECT_EQ(scans[1].intensity[11], count_at(11));
  EXPECT_EQ(scans[1].intensity[12], 10 * count_at(12));
  EXPECT_EQ(scans[1].unit, IntensityUnit::counts);
  EXPECT_DOUBLE_EQ(scans[1].uncertainty.at(12), 10 * std::sqrt(count_at(12)));
  EXPECT_DOUBLE_EQ(scans[1].uncertainty.at(11), std::sqrt(count_at(11)));
  EXPECT_EQ(scans[1].notes.at(0).what, "attenuator");
  const Scan stronger = read_as(rigaku_ras_format(), ras("2-Theta/Theta", 0.5))[0];
  EXPECT_EQ(stronger.intensity[12], 0.5 * count_at(12));
  EXPECT_EQ(stronger.notes.at(0).what, "attenuator") << "a factor below 1 is one, too";
  // What is called counts and is no whole number has been corrected.
  std::string corrected = ras("2-Theta/Theta", 1);
  corrected.replace(corrected.find(" 100.0000 "), 10, " 100.5500 ");
  EXPECT_EQ(read_as(rigaku_ras_format(), corrected)[0].unit, IntensityUnit::arbitrary);
  EXPECT_EQ(scans[1].attenuation, 10);
  EXPECT_EQ(*scans[0].radiation.wavelength, 1.540593);
  EXPECT_EQ(*scans[0].radiation.alpha2, 1.544414);
  EXPECT_EQ(scans[0].monochromator, "Cu_K-beta");
  EXPECT_NEAR(*scans[0].counting_time, 1, 1e-9);
  EXPECT_TRUE(scans[0].warnings.empty());
}

TEST(RigakuRas, ScansAtOtherPositionsOfTheSampleAreNoRepeats) {
  const auto chosen = [](const char* first, const char* second) {
    std::string text = ras("2-Theta", 1);
    text.replace(text.find("*RAS_INT_START", text.find("*RAS_INT_END")), 0,
                 "*MEAS_COND_AXIS_NAME_INTERNAL-1 \"Omega\"\r\n"
                 "*MEAS_COND_AXIS_POSITION-1 \"" +
                     std::string(second) + "\"\r\n");
    text.replace(text.find("*RAS_INT_START"), 0,
                 "*MEAS_COND_AXIS_NAME_INTERNAL-1 \"Omega\"\r\n"
                 "*MEAS_COND_AXIS_POSITION-1 \"" +
                     std::string(first) + "\"\r\n");
    // The second scan at the positions of the first one.
    const std::size_t begin = text.find("\n5.0000 "), end = text.find("*RAS_INT_END");
    const std::size_t other = text.find("\n20.0000 "), other_end = text.find("*RAS_INT_END", other);
    text.replace(other, other_end - other, text.substr(begin, end - begin));
    return choose_scans(rigaku_ras_format().read({text, "a"}), std::nullopt).size();
  };
  EXPECT_EQ(chosen("2.5", "2.5"), 1);
  EXPECT_EQ(chosen("2.5", "3.5"), 2);
}

TEST(RigakuRas, TakesTheLineThatWasUsed) {
  const auto with = [](const std::string& more) {
    std::string text = ras("2-Theta", 1);
    const std::string before = "*HW_XG_TARGET_NAME";
    for (std::size_t at = text.find(before); at != std::string::npos;
         at = text.find(before, at + more.size() + before.size()))
      text.insert(at, more);
    return read_as(rigaku_ras_format(), text).at(0);
  };
  const Scan first = with("*MEAS_COND_XG_WAVE_TYPE \"Ka1\"\r\n");
  EXPECT_EQ(first.radiation.position_wavelength, 1.540593);
  EXPECT_EQ(first.alpha2_ratio, 0);
  const Scan beta = with("*MEAS_COND_XG_WAVE_TYPE \"Kb\"\r\n*HW_XG_WAVE_LENGTH_BETA \"1.392246\"\r\n");
  EXPECT_EQ(beta.radiation.position_wavelength, 1.392246);
  EXPECT_FALSE(beta.radiation.alpha2);
}

TEST(StatedRadiation, NumbersThenTheAnodeAndWhatIsLeftOfThePair) {
  StatedRadiation stated;
  stated.alpha1 = 1.5406;
  stated.alpha2 = 1.54439;
  stated.from = "byte 608";
  EXPECT_NEAR(*radiation_of(stated).position_wavelength, (1.5406 + 0.5 * 1.54439) / 1.5, 1e-12);
  stated.ratio = 0.25;
  EXPECT_NEAR(*radiation_of(stated).position_wavelength, (1.5406 + 0.25 * 1.54439) / 1.25, 1e-12);
  stated.ratio = -0.9999999;
  EXPECT_EQ(radiation_of(stated).warnings,
            std::vector<std::string>{"byte 608: ratio -0.9999999 of K alpha 2 to K alpha 1 is not used"});
  EXPECT_NEAR(*radiation_of(stated).position_wavelength, (1.5406 + 0.5 * 1.54439) / 1.5, 1e-12);
  stated.ratio = 0;
  EXPECT_EQ(*radiation_of(stated).position_wavelength, 1.5406);
  EXPECT_EQ(*radiation_of(stated).alpha2, 1.54439);
  stated.alpha2 = 1.79285;
  EXPECT_EQ(radiation_of(stated).fault,
            "byte 608: K alpha 2 of 1.79285 A is no neighbour of K alpha 1 of 1.5406 A");
  stated.alpha1 = stated.alpha2 = 0;
  stated.ratio.reset();
  EXPECT_FALSE(radiation_of(stated).wavelength);
  stated.anode = "Cobalt";
  EXPECT_TRUE(radiation_of(stated).is_of_anode);
  EXPECT_NEAR(*radiation_of(stated).wavelength, 1.789, 1e-3);
  EXPECT_TRUE(radiation_of(stated).alpha2);
  stated.used = xrd::KLine::alpha1;
  EXPECT_FALSE(radiation_of(stated).alpha2);
  stated.anode = "Kryptonite";
  EXPECT_EQ(radiation_of(stated).warnings.size(), 1);
}

TEST(RigakuRas, ReadsOtherAxesAndRefusesUnknownOnesAndMissingRows) {
  const auto rocking = read_as(rigaku_ras_format(), ras("Omega", 1));
  ASSERT_EQ(rocking.size(), 2);
  EXPECT_EQ(rocking[0].other_axis.value().name, "omega");
  EXPECT_TRUE(is_refused_by_name(rigaku_ras_format(), ras("Attenuator", 1)));
  EXPECT_NE(refusal_of(rigaku_ras_format(), ras("Attenuator", 1)).find("axis Attenuator"), std::string::npos);
  std::string missing = ras("2-Theta", 1);
  missing.erase(missing.find("5.1000 "), missing.find("5.1200 ") - missing.find("5.1000 "));
  EXPECT_NE(refusal_of(rigaku_ras_format(), missing).find("24 rows, but *MEAS_DATA_COUNT 25"),
            std::string::npos);
}

TEST(Gsas, ReadsStdEsdFxyAndFxye) {
  const std::string title = "calcite, Cu Ka\n";
  const auto first = [&](const std::string& text) { return read_as(gsas_format(), title + text).at(0); };
  const Scan std_records = first("BANK 1 33 4 CONST 1500.66 1.3 0 0 STD\n" + rows_of_counts(33));
  ASSERT_EQ(std_records.x.size(), 33);
  EXPECT_NEAR(std_records.x[0], 15.0066, 1e-12);
  EXPECT_NEAR(std_records.x[32], 15.0066 + 32 * 0.013, 1e-9);
  EXPECT_EQ(std_records.intensity[32], count_at(32));
  EXPECT_TRUE(std_records.uncertainty.empty());
  EXPECT_NEAR(*std_records.radiation.wavelength, 1.5406, 1e-3);

  std::string esd, fxye, fxy;
  for (int i = 0; i < 33; ++i) {
    esd += fmt::format("{:8}{:8.2f}{}", count_at(i), 0.5 * i, i % 5 == 4 || i == 32 ? "\n" : "");
    fxye += fmt::format("{} {} {}\n", 1500 + 2 * i, count_at(i), 0.5 * i);
    fxy += fmt::format("{} {}\n", 1500 + 2 * i, count_at(i));
  }
  for (const auto& [records, kind] :
       {std::pair(esd, "ESD"), std::pair(fxye, "FXYE"), std::pair(fxy, "FXY")}) {
    const Scan scan = first(fmt::format("BANK 1 33 33 CONST 1500 2 0 0 {}\n{}", kind, records));
    ASSERT_EQ(scan.x.size(), 33) << kind;
    EXPECT_NEAR(scan.x[32], 15.64, 1e-9) << kind;
    EXPECT_EQ(scan.intensity[7], count_at(7)) << kind;
    ASSERT_EQ(scan.uncertainty.size(), records == fxy ? 0 : 33) << kind;
    if (records != fxy) {
      EXPECT_EQ(scan.uncertainty[7], 3.5) << kind;
    }
  }
}

TEST(InstrumentText, TheRatioOfATextsHeaderIsTheScans) {
  std::string text =
      "# K-Alpha1 wavelength = 1.5406 A\n# K-Alpha2 wavelength = 1.54439 A\n# Ratio K-Alpha2/K-Alpha1 = "
      "0.4\n";
  for (int i = 0; i < 30; ++i)
    text += fmt::format("{:.2f} {}\n", 10 + 0.02 * i, count_at(i));
  EXPECT_EQ(read_as(formats().back(), text)[0].alpha2_ratio, 0.4);
}

TEST(Gsas, ReadsDetectorsBanksAndFillingZeros) {
  // 04 detectors that counted 100 each on average: the uncertainty is half of the root.
  const Scan scan =
      read_as(gsas_format(), "title\nBANK 1 2 1 CONST 1500 2 0 0 STD\n 4   100 1    49       0       0\n")
          .at(0);
  ASSERT_EQ(scan.x.size(), 2);
  EXPECT_EQ(scan.uncertainty, (std::vector<double>{5, 7}));
  const auto scans = read_as(gsas_format(), "title\nBANK 1 20 2 CONST 1500 2 0 0 STD\n" + rows_of_counts(20) +
                                                "BANK 2 20 2 CONST 3500 2 0 0 STD\n" + rows_of_counts(20));
  ASSERT_EQ(scans.size(), 2);
  EXPECT_EQ(scans[1].x[0], 35);
}

TEST(Gsas, RefusesOtherKindsByName) {
  for (const std::string kind : {"SLOG", "TIME_MAP", "RALF", "LOG6", "EDS", "COND"})
    EXPECT_TRUE(is_refused_by_name(gsas_format(),
                                   "title\nBANK 1 20 2 " + kind + " 1500 2 0 0 STD\n" + rows_of_counts(20)))
        << kind;
  EXPECT_TRUE(is_refused_by_name(
      gsas_format(), "wavelength 1.54 A, neutrons\nBANK 1 20 2 CONST 1500 2 0 0 STD\n" + rows_of_counts(20)));
  EXPECT_TRUE(
      is_refused_by_name(gsas_format(), "title\nBANK 1 20 5 CONST 1500 2 0 0 ALT\n" + rows_of_counts(20)));
  EXPECT_NE(refusal_of(gsas_format(), "title\nBANK 1 30 3 CONST 1500 2 0 0 STD\n" + rows_of_counts(20))
                .find("has 30 points, but only 20"),
            std::string::npos);
  EXPECT_NE(
      refusal_of(gsas_format(), "title\nBANK 1 99999999999 3 CONST 1500 2 0 0 STD\n" + rows_of_counts(20))
          .find("no number of points"),
      std::string::npos);
}

TEST(StepRows, ReadsFreeFormatRiet7AndUncertainties) {
  const Scan bare =
      read_as(step_rows_format(), "  10.000   0.025 11.000  PbSO4\n" + rows_of_counts(41)).at(0);
  ASSERT_EQ(bare.x.size(), 41);
  EXPECT_NEAR(bare.x[40], 11, 1e-9);
  EXPECT_EQ(bare.intensity[40], count_at(40));
  EXPECT_EQ(bare.sample, "PbSO4");
  const Scan riet7 =
      read_as(
          step_rows_format(),
          "SampleIdent CPD RR Sample 1A        DataFileName CPD-1A\nDiffrType PW3710   GeneratorVoltage 40\n"
          "Anode Cu    Alpha1  1.54056    Alpha2  1.54439    Ratio  0.50000\n"
          "MonochromatorUsed YES   DivergenceSlit 1      ReceivingSlit 0.3\n"
          "   5.000   0.020 5.800    MeasureDateTime 20/12/1997   10:51   StepTime   3.00\n" +
              rows_of_counts(41))
          .at(0);
  EXPECT_EQ(*riet7.radiation.wavelength, 1.54056);
  EXPECT_EQ(*riet7.radiation.alpha2, 1.54439);
  EXPECT_EQ(riet7.alpha2_ratio, 0.5);
  EXPECT_EQ(riet7.slits, SlitMode::fixed);
  EXPECT_EQ(bare.notes.at(0).what, "slits");
  EXPECT_EQ(riet7.counting_time, 3);
  EXPECT_EQ(riet7.sample, "CPD RR Sample 1A");
  EXPECT_EQ(riet7.date, "1997-12-20T10:51");
  const Scan both = read_as(step_rows_format(),
                            "title\nline 2\n 10 0.05 12 1000.\n" + rows_of_counts(41) + rows_of_counts(41))
                        .at(0);
  EXPECT_EQ(both.uncertainty.size(), 41);
}

TEST(StepRows, IsNotTakenForColumnsAndRefusesNeutrons) {
  const std::string dmc = "D1A5 Title: 1.9114 A  LaNi2Mn3Dx\n     Ident: 14113\n 10 0.05 12\n" +
                          rows_of_counts(41) + rows_of_counts(41);
  EXPECT_TRUE(is_refused_by_name(step_rows_format(), dmc));
  EXPECT_NE(refusal_of(step_rows_format(), dmc).find("neutron"), std::string::npos);
  EXPECT_NE(
      refusal_of(step_rows_format(), "10 0.05 12\n" + rows_of_counts(40)).find("41 points, but 40 numbers"),
      std::string::npos);
  // A sample may be called so.
  for (const char* name : {"NOVA", "GEM", "E6", "WISH", "D20"}) {
    const std::string text = fmt::format("{} 7, garnet\n 10 0.05 12\n", name) + rows_of_counts(41);
    const Scan scan = read_as(step_rows_format(), text).at(0);
    ASSERT_EQ(scan.warnings.size(), 1) << name;
    EXPECT_NE(scan.warnings[0].find("taken for X-rays"), std::string::npos) << name;
    EXPECT_TRUE(is_refused_by_name(step_rows_format(),
                                   fmt::format("{} Title: 1.9 A\n 10 0.05 12\n", name) + rows_of_counts(41)))
        << name;
  }
  EXPECT_FALSE(step_rows_format().looks_like("5.0 0.02 90.0\n5.0000 20.000\n5.0200 20.000\n5.0400 20.000\n"));
  EXPECT_FALSE(step_rows_format().looks_like("5.0 0.2 20.0\n5.1 0.3 21.0\n5.2 0.2 20.0\n"));
  EXPECT_FALSE(step_rows_format().looks_like("quartz\n4251\n5.0000 20.000\n5.0200 20.000\n"));
}

TEST(Fit2dChi, ReadsAxesAndTellsMissingRows) {
  const std::string rows = " 1.0000E+00  5.0E+01\n 1.1000E+00  6.0E+01\n 1.2000E+00  7.0E+01\n";
  const Scan q =
      read_as(fit2d_chi_format(), "quartz.tif\nQ (Inverse Nanometres)\nIntensity\n       3\n" + rows).at(0);
  EXPECT_EQ(q.axis, AxisQuantity::q);
  EXPECT_NEAR(q.x[2], 0.12, 1e-12);
  EXPECT_TRUE(q.warnings.empty());
  EXPECT_EQ(read_as(fit2d_chi_format(), "quartz.tif\n2-Theta Angle (Degrees)\nIntensity\n       3\n" + rows)
                .at(0)
                .axis,
            AxisQuantity::two_theta);
  EXPECT_FALSE(
      read_as(fit2d_chi_format(), "quartz.tif\n2-Theta Angle (Degrees)\nIntensity\n       4\n" + rows)
          .at(0)
          .warnings.empty());
  EXPECT_TRUE(is_refused_by_name(fit2d_chi_format(),
                                 "quartz.tif\nRadial Distance (mm)\nIntensity\n       3\n" + rows));
}

TEST(InstrumentText, IsNeverASilentPartOrAFault) {
  const std::string rows = rows_of_counts(41);
  struct Case {
    const Format& format;
    std::string text;
  };
  for (const Case& one :
       {Case{bruker_uxd_format(), uxd("COUPLED", "COUNTS")},
        Case{bruker_uxd_format(), uxd("2THETA", "2THETACPS")}, Case{rigaku_ras_format(), ras("2-Theta", 1)},
        Case{gsas_format(), "title\nBANK 1 41 5 CONST 1500 2 0 0 STD\n" + rows},
        Case{step_rows_format(), "10 0.05 12 words\n" + rows},
        Case{fit2d_chi_format(), "t\n2-Theta (Degrees)\nI\n3\n1 50\n1.1 60\n1.2 70\n"}}) {
    ASSERT_TRUE(one.format.looks_like(one.text)) << one.format.name;
    EXPECT_EQ(refusal_of(one.format, one.text), "");
    expect_no_silent_prefix(one.format, one.text, 7, one.text.size() - 2);
    expect_answer_for_mutants(one.format, one.text, 400);
  }
}

struct Sample {
  const Format& format;
  const char* file;
  std::size_t scans, points;
  double first, last, wavelength, sum;
};

TEST(InstrumentText, ReadsRealFilesAsOtherReadersDo) {
  // By xyconv of xylib (.dat), the program geddes (GSAS), xrayutilities (.ras).
  for (const Sample& want :
       {Sample{rigaku_ras_format(), "rigaku/inas_layer_radial_002_004.ras", 2, 1501, 26.5, 32.5, 1.540593,
               828530065.1},
        Sample{gsas_format(), "gsas/NIST660CBI.gsas", 1, 8378, 15.0066, 124.9991231, 0, 6749509},
        Sample{gsas_format(), "gsas/gsas.raw", 1, 4941, 16, 99.98, 0, 6172227},
        Sample{gsas_format(), "gsas/PBSO4.XRA", 1, 6001, 10, 160, 1.54056, 2454390},
        Sample{gsas_format(), "gsas/11bmb_6231.fxye.gz", 1, 49497, 0.5, 49.996, 0.413529, 13629449.94},
        Sample{gsas_format(), "gsas/1010928_CaCO3_(calcite).fxye", 1, 6251, 15, 140, 0, 5041222223.},
        Sample{step_rows_format(), "text/cpd-1a.dat", 1, 7251, 5, 150, 1.54056, 501025},
        Sample{step_rows_format(), "text/xray-pattern.dat", 1, 6001, 10, 160, 0, 2454394}}) {
    BRAGG_SHARED_DATA_OR_SKIP(path, std::string("patterns/") + want.file);
    const std::string bytes = read_text_source(path, largest_scan_bytes);
    ASSERT_TRUE(want.format.looks_like(bytes)) << want.file;
    const auto scans = read_as(want.format, bytes);
    ASSERT_EQ(scans.size(), want.scans) << want.file;
    EXPECT_EQ(scans[0].x.size(), want.points) << want.file;
    EXPECT_NEAR(scans[0].x.front(), want.first, 1e-6) << want.file;
    EXPECT_NEAR(scans[0].x.back(), want.last, 1e-6) << want.file;
    EXPECT_NEAR(scans[0].radiation.wavelength.value_or(0), want.wavelength, 5e-5) << want.file;
    EXPECT_NEAR(sum_of(scans[0]) / want.sum, 1, 1e-9) << want.file;
  }
  // A pole figure; numbers by a few lines of Python.
  BRAGG_SHARED_DATA_OR_SKIP(phi, "patterns/bruker/bruker.UXD");
  const auto figure = read_as(bruker_uxd_format(), read_text_source(phi, largest_scan_bytes));
  ASSERT_EQ(figure.size(), 68);
  double sum = 0;
  for (const Scan& scan : figure) {
    EXPECT_EQ(scan.other_axis.value().name, "phi");
    EXPECT_EQ(scan.x.size(), 72);
    EXPECT_EQ(scan.x.back(), 355);
    sum += sum_of(scan);
  }
  EXPECT_NEAR(sum, 3320924, 1e-3);
  BRAGG_SHARED_DATA_OR_SKIP(neutrons, "patterns/text/D1A5.dat");
  EXPECT_TRUE(is_refused_by_name(step_rows_format(), read_text_source(neutrons, largest_scan_bytes)));
}

}  // namespace
}  // namespace bragg::data::tests
