#include "data/formats/pattern_text.h"

#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/compare.h"
#include "tests/support/shared_data.h"

namespace bragg::data {
namespace {

constexpr int rows = 24;

double position(int i) {
  return 10.0 + 0.25 * i;
}
double intensity(int i) {
  return 100.5 + 7 * (i % 5);
}

/// `rows` lines, one for each point of the same small pattern.
std::string lines_of(const std::function<std::string(double x, double y)>& line, bool descending = false) {
  std::string text;
  for (int i = 0; i < rows; ++i) {
    const int k = descending ? rows - 1 - i : i;
    text += line(position(k), intensity(k)) + "\n";
  }
  return text;
}
std::string plain(double x, double y) {
  return fmt::format("{:.2f} {:.1f}", x, y);
}

std::string with_decimal_comma(std::string text) {
  for (char& c : text)
    c = c == '.' ? ',' : c;
  return text;
}

TextPattern parse(const std::string& text) {
  return parse_pattern_text(text, "t.xy");
}

void expect_the_pattern(const TextPattern& read) {
  std::vector<double> x, y;
  for (int i = 0; i < rows; ++i) {
    x.push_back(position(i));
    y.push_back(intensity(i));
  }
  EXPECT_TRUE(tests::identical(read.pattern.x, x));
  EXPECT_TRUE(tests::identical(read.pattern.intensity, y));
  EXPECT_EQ(read.reading.rows, rows);
}

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "was read";
}

#define EXPECT_REFUSED(text, part)                                                   \
  do {                                                                               \
    const std::string got = refusal(text);                                           \
    EXPECT_NE(got.find(part), std::string::npos) << got << "\nshould say: " << part; \
  } while (false)

struct DialectCase {
  std::string name, text, separator;
  char decimal_sign = '.';
  int columns = 2;
  bool descending = false;
  int header_lines = 0;
};

class EveryDialect : public ::testing::TestWithParam<DialectCase> {};

TEST_P(EveryDialect, GivesTheSamePatternAndSaysWhatItAssumed) {
  const DialectCase& c = GetParam();
  const TextPattern read = parse(c.text);
  expect_the_pattern(read);
  EXPECT_EQ(read.pattern.abscissa, Abscissa::two_theta);
  EXPECT_EQ(read.reading.separator, c.separator);
  EXPECT_EQ(read.reading.decimal_sign, c.decimal_sign);
  EXPECT_EQ(read.reading.columns, c.columns);
  EXPECT_EQ(read.reading.descending, c.descending);
  EXPECT_EQ(read.reading.header_lines, c.header_lines);
  EXPECT_EQ(read.reading.merged_rows, 0);
}

std::vector<DialectCase> dialect_cases() {
  const auto formatted = [](const char* format) {
    return lines_of([=](double x, double y) { return fmt::format(fmt::runtime(format), x, y); });
  };
  std::string crlf, cr_cr_lf, cr;
  for (const char c : lines_of(plain)) {
    crlf += c == '\n' ? "\r\n" : std::string(1, c);
    cr_cr_lf += c == '\n' ? "\r\r\n" : std::string(1, c);
    cr += c == '\n' ? '\r' : c;
  }
  std::string no_last_end = lines_of(plain);
  no_last_end.pop_back();
  return {
      {"blank", lines_of(plain), "blank"},
      {"blanks_around", formatted("   {:9.3f}    {:12.4e}  "), "blank"},
      {"tab", formatted("{}\t{}"), "tab"},
      {"comma", formatted("{},{}"), "comma"},
      {"comma_and_blank", formatted("{:.3f}, {:.3f}"), "comma"},
      {"comma_at_the_end", formatted("{},{},"), "comma"},
      {"semicolon", formatted("{} ; {}"), "semicolon"},
      {"bar", formatted("{} | {}"), "bar"},
      {"decimal_comma_semicolon", with_decimal_comma(formatted("{:.2f};{:.1f}")), "semicolon", ','},
      {"decimal_comma_blank", with_decimal_comma(formatted("{:.2f} {:.1f}")), "blank", ','},
      {"decimal_comma_tab", with_decimal_comma(formatted("{:.2f}\t{:.1f}")), "tab", ','},
      {"signs_and_exponents", formatted("+{:.2f} +{:.3e}"), "blank"},
      {"quoted", formatted("\"{}\",\"{}\""), "comma"},
      {"three_columns", formatted("{} {} 0.5"), "blank", '.', 3},
      {"three_columns_mixed_blanks", formatted("{} {}\t0.5"), "blank", '.', 3},
      {"crlf", crlf, "blank"},
      {"cr_cr_lf", cr_cr_lf, "blank"},
      {"cr", cr, "blank"},
      {"no_last_end_of_line", no_last_end, "blank"},
      {"byte_order_mark", "\xEF\xBB\xBF" + lines_of(plain), "blank"},
      {"dos_end_of_file", lines_of(plain) + "\x1A", "blank"},
      {"descending", lines_of(plain, true), "blank", '.', 2, true},
      {"comments_of_every_sign",
       "# a 1 2\n! b\n; c\n% d\n' e\n/ f\n// g\n* h\n" + lines_of(plain) + "# end\n##END=\n\n", "blank", '.',
       2, false, 8},
      {"comment_in_the_middle", lines_of(plain).insert(lines_of(plain).find('\n') + 1, "# 1 2\n\n"), "blank"},
      {"comment_behind_numbers", formatted("{} {} # peak"), "blank"},
      {"words_before", "Sample 7, measured 3 times\n2Theta Intensity\n" + lines_of(plain), "blank", '.', 2,
       false, 2},
      {"names_with_commas", "2theta,counts\n" + formatted("{},{}"), "comma", '.', 2, false, 1},
      {"count_of_points_before", "24\n" + lines_of(plain), "blank", '.', 2, false, 1},
      {"start_step_end_before", "10.0 0.25 15.75\n" + lines_of(plain), "blank", '.', 2, false, 1},
  };
}
INSTANTIATE_TEST_SUITE_P(PatternText, EveryDialect, ::testing::ValuesIn(dialect_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(PatternText, MergesRowsAtOnePositionIntoTheirMean) {
  std::string text = lines_of(plain);
  text += fmt::format("{:.2f} {}\n{:.2f} {}\n", position(rows - 1), intensity(rows - 1) + 3,
                      position(rows - 1), intensity(rows - 1) + 6);
  const TextPattern read = parse(text);
  EXPECT_EQ(read.reading.merged_rows, 2);
  EXPECT_EQ(read.reading.rows, rows + 2);
  ASSERT_EQ(read.pattern.x.size(), static_cast<std::size_t>(rows));
  EXPECT_DOUBLE_EQ(read.pattern.intensity.back(), intensity(rows - 1) + 3);
}

TEST(PatternText, ReadsAMillionRows) {
  constexpr int many = 1'000'000;
  std::string text = "# Anode: Co\n";
  for (int i = 0; i < many; ++i)
    text += fmt::format("{:.5f} {}\n", 5 + 1e-4 * i, i % 1000);
  const TextPattern read = parse(text);
  EXPECT_EQ(read.reading.rows, many);
  ASSERT_EQ(read.pattern.x.size(), std::size_t{many});
  EXPECT_DOUBLE_EQ(read.pattern.x[345'678], 39.5678);
  EXPECT_EQ(read.pattern.intensity[345'678], 678);
  EXPECT_TRUE(read.reading.radiation.wavelength.has_value());
}

TEST(PatternText, TakesTheAxisFromTheNamesOfTheColumns) {
  const auto q = parse("Q(1/A) I\n" + lines_of(plain));
  EXPECT_EQ(q.pattern.abscissa, Abscissa::q);
  EXPECT_EQ(q.pattern.x.front(), position(0));
  EXPECT_EQ(q.reading.axis_label, "Q(1/A)");
  const auto q_nm = parse("# q [nm^-1], intensity [a.u.]\n" + lines_of(plain));
  EXPECT_EQ(q_nm.pattern.abscissa, Abscissa::q);
  EXPECT_DOUBLE_EQ(q_nm.pattern.x.front(), position(0) / 10);
  const auto d = parse("d-spacing\tcounts\n" + lines_of(plain));
  EXPECT_EQ(d.pattern.abscissa, Abscissa::d);
  EXPECT_EQ(parse("2-Theta (deg) Intensity\n" + lines_of(plain)).reading.axis_label, "2-Theta (deg)");
  const auto theta = parse("Theta (deg)\tI\n" + lines_of(plain));
  EXPECT_EQ(theta.reading.axis, AxisQuantity::theta);
  EXPECT_EQ(theta.pattern.abscissa, Abscissa::two_theta);
  EXPECT_EQ(theta.pattern.x.front(), 2 * position(0));
  const auto s = parse("# s (1/nm)  I\n" + lines_of(plain));
  EXPECT_EQ(s.reading.axis, AxisQuantity::s);
  EXPECT_NEAR(s.pattern.x.front(), 0.2 * 3.14159265358979 * position(0), 1e-12);
  // Sentences and settings are no names of columns.
  for (const char* line :
       {"# d is not known for this sample yet", "time: 12 s", "energy = 8.05 keV", "quartz 5"}) {
    const auto read = parse(std::string(line) + "\n" + lines_of(plain));
    EXPECT_EQ(read.pattern.abscissa, Abscissa::two_theta) << line;
    EXPECT_EQ(read.reading.axis_label, "") << line;
  }
}

TEST(PatternText, RefusesOtherAxes) {
  EXPECT_REFUSED(
      "Wavelength,S1\nnm,CPS\n" + lines_of([](double x, double y) { return fmt::format("{},{}", x, y); }),
      "t.xy:1: the first column is 'Wavelength'");
  EXPECT_REFUSED("Energy (keV) counts\n" + lines_of(plain), "'Energy (keV)'");
  EXPECT_REFUSED("tof I\n" + lines_of(plain), "'tof'");
  // Radians are read; 10 of them are beyond 180 degrees.
  EXPECT_REFUSED("angle (rad)\tI\n" + lines_of(plain), "'angle (rad)'");
  EXPECT_REFUSED("# r_mm I\n" + lines_of(plain), "'r_mm'");
  EXPECT_REFUSED("wobble\tI\n" + lines_of(plain), "'wobble'");
  EXPECT_REFUSED("# x_units: q\n2theta I\n" + lines_of(plain), "'2theta' here and 'q' on line 1");
}

TEST(PatternText, ChoosesColumnsByTheirNames) {
  const auto table = [](const char* format) {
    return lines_of([=](double x, double y) { return fmt::format(fmt::runtime(format), x, y); });
  };
  expect_the_pattern(parse("2Theta,d,I\n" + table("{0},3.3,{1}")));
  expect_the_pattern(parse("Intensity,2theta\n" + table("{1},{0}")));
  expect_the_pattern(parse("2theta,obs,calc,bkg,diff\n" + table("{0},{1},7,5,2")));
  EXPECT_EQ(parse("2Theta,d,I\n" + table("{0},3.3,{1}")).reading.intensity_column, 3);
  EXPECT_REFUSED("2theta,A,2theta,B\n" + table("{0},{1},{0},{1}"), "columns 1 and 3");
  EXPECT_REFUSED("2theta,sample A,sample B\n" + table("{0},{1},5"), "which one is meant?");
  EXPECT_REFUSED("2theta,d\n" + table("{0},{1}"), "no column is named as the intensity");
  EXPECT_REFUSED(table("{0} {1} 1 2"), "4 numbers a line");
}

TEST(PatternText, AFormFeedBetweenColumnsIsABlank) {
  expect_the_pattern(parse(lines_of([](double x, double y) { return fmt::format("{}\f{}", x, y); })));
  EXPECT_REFUSED("1\f1.0\n2\f2.0\n", "2 rows");
}

TEST(PatternText, RefusesWithLineAndValue) {
  const std::string good = lines_of(plain);
  EXPECT_REFUSED("", "t.xy: empty file");
  EXPECT_REFUSED("\n\n# nothing\n", "t.xy: no line holds two or three numbers");
  EXPECT_REFUSED(good + "16.5 nan\n", "t.xy:25: intensity nan is not a finite number");
  EXPECT_REFUSED(good + "16.5 1e999\n", "t.xy:25: intensity 1e999");
  EXPECT_REFUSED(good + "inf 5\n", "t.xy:25: position inf");
  EXPECT_REFUSED(good + "10.1 5\n", "t.xy:25: position 10.1 after 15.75: neither ascending nor descending");
  EXPECT_REFUSED(good + "16.5 5 3\n", "t.xy:25: '16.5 5 3' is no row of 2 numbers");
  EXPECT_REFUSED(good + "16.5\n", "t.xy:25: '16.5' is no row");
  EXPECT_REFUSED(good + "second scan\n" + good, "t.xy:25: 'second scan' is no row");
  EXPECT_REFUSED("9.0 5\n9.2 6\n9.3 7\n9.4 8\nbroken line\n" + good, "t.xy:5: 'broken line' is no row");
  EXPECT_REFUSED(good + "181 5\n", "t.xy:25: 2 theta 181 is outside -180..180");
  EXPECT_REFUSED("d I\n0 7\n" + good, "t.xy:2: d 0 is not positive");
  EXPECT_REFUSED("q I\n-1 7\n" + good, "t.xy:2: q -1 is negative");
  EXPECT_REFUSED("10 1\n11 2\n", "t.xy: 2 rows; at least 20");
  EXPECT_REFUSED("5 0.02 150 words\n" + std::string("1 2 3 4 5 6 7 8 9 10\n"), "t.xy:2: 10 numbers a line");
  EXPECT_REFUSED("153\n161\n141\n", "t.xy:1: 1 number a line");
  std::string same;
  for (int i = 0; i < 30; ++i)
    same += "10 5\n";
  EXPECT_REFUSED(same, "every row is at position 10");
}

TEST(PatternText, RefusesWhatIsNoText) {
  using std::string_literals::operator""s;
  EXPECT_REFUSED("\xFF\xFE" + "1\0"s, "t.xy: UTF-16");
  EXPECT_REFUSED("\xFE\xFF" + "\0001"s, "t.xy: UTF-16");
  EXPECT_REFUSED("RAW4\0\1"s, "binary data, not text: byte 0x00 at offset 4");
  EXPECT_REFUSED("\x1F\x8B\x08"s, "byte 0x1f at offset 0");
  EXPECT_THROW(read_pattern_text("no/such/file.xy"), Error);
  EXPECT_THROW(read_pattern_text(std::filesystem::temp_directory_path()), Error);
  const auto large = std::filesystem::path(::testing::TempDir()) / "bragg_large_text.xy";
  std::ofstream(large) << "10 5\n";
  std::filesystem::resize_file(large, largest_text_bytes + 1);
  EXPECT_THROW(read_pattern_text(large), Error);
  std::filesystem::remove(large);
}

// ---- real files ----

TEST(PatternText, ReadsEveryFileOfTheOtherInstruments) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "other_instruments");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".xy") continue;
    const TextPattern read = read_pattern_text(entry.path());
    EXPECT_GT(read.pattern.x.size(), 1000u) << entry.path();
    EXPECT_GE(read.pattern.x.front(), 3.9) << entry.path();
    EXPECT_LE(read.pattern.x.back(), 76) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 35);
}

TEST(PatternText, ReadsRealFilesOfManyPrograms) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  struct Case {
    const char* file;
    std::size_t points;
    double first, last;
    const char* separator;
    int columns;
  };
  for (const Case& c :
       {Case{"text/BiFeO3.xy", 23928, 10.002717, 140.003372, "blank", 2},
        Case{"text/xy_text.txt", 4001, 20, 100, "blank", 2},
        Case{"bruker/D5000_1.xy", 3651, 2, 75, "blank", 2},
        Case{"text/Quartz__R040031-1__Powder__Xray_Data_XY_Processed__403071cbddfda8ff3a1189a86eb4.txt", 8501,
             5, 90, "comma", 2}}) {
    const TextPattern read = read_pattern_text(folder / c.file);
    EXPECT_EQ(read.pattern.x.size(), c.points) << c.file;
    EXPECT_EQ(read.pattern.x.front(), c.first) << c.file;
    EXPECT_EQ(read.pattern.x.back(), c.last) << c.file;
    EXPECT_EQ(read.reading.separator, c.separator) << c.file;
    EXPECT_EQ(read.reading.columns, c.columns) << c.file;
  }
}

TEST(PatternText, RefusesRealFilesThatHoldNoPatternOfThisKind) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  struct Case {
    const char *file, *reason;
  };
  for (const Case& c :
       {Case{"text/cpd-1a.dat", ":6: 10 numbers a line"},
        Case{"text/xray-pattern.dat", ":2: 10 numbers a line"}, Case{"text/D1A5.dat", ""},
        Case{"text/test1.csv", "the first column is 'Wavelength'"}, Case{"text/test2.csv", ""},
        Case{"text/small.tsv", "5 rows"}, Case{"text/with_sigma.txt", "3 rows"},
        Case{"bruker/D5000_1.RAW", "binary"}, Case{"bruker/bruker.UXD", "is no row"},
        Case{"gsas/1010928_CaCO3_(calcite).fxye", ":2: GSAS data"},
        Case{"rigaku/RM20220915Si01.rasx", "binary"}, Case{"xrdml/cu_quartz.xrdml", ""}}) {
    try {
      read_pattern_text(folder / c.file);
      ADD_FAILURE() << c.file << " was read";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(c.reason), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace bragg::data
