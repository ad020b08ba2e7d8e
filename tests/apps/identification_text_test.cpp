// What `bragg identify` prints for people, and its table.
#include "apps/identify/identification_text.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "apps/identify/identification_csv.h"
#include "kernels/base/utf8.h"
#include "tests/apps/identification_samples.h"

namespace bragg::apps::tests {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

/// A line of RFC 4180 as its fields.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields{""};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[i++];
    } else if (line[i] == '"') {
      EXPECT_TRUE(quoted || fields.back().empty()) << "a quotation mark inside of a plain field: " << line;
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  EXPECT_FALSE(quoted) << line;
  return fields;
}

std::string field(const Identification& answer, const std::string& name) {
  const std::string header = csv_header(), row = csv_row(answer);
  EXPECT_TRUE(header.ends_with("\n"));
  EXPECT_TRUE(row.ends_with("\n"));
  const auto names = fields_of(header.substr(0, header.size() - 1));
  const auto fields = fields_of(row.substr(0, row.size() - 1));
  EXPECT_EQ(names.size(), fields.size());
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end() || names.size() != fields.size()) return "no column " + name;
  return fields[static_cast<std::size_t>(found - names.begin())];
}

TEST(IdentificationText, TheVerdictIsASentence) {
  EXPECT_EQ(verdict(quartz()), "quartz, SiO2, P3221 (or P3121): 94 %");
  EXPECT_EQ(verdict(unknown_phase()),
            "no confident match: the most alike structure has a similarity of 0.51");
  EXPECT_EQ(verdict(refused_file()), "refused: broken.txt:2: intensity nan");
  Identification answer = unknown_phase();
  answer.reason.clear();
  EXPECT_EQ(verdict(answer), "no confident match: nothing in the library is like it");
  answer = quartz();
  answer.phases[0].name = answer.phases[0].formula;
  EXPECT_EQ(verdict(answer), "SiO2, P3221 (or P3121): 94 %") << "said once";
  answer.phases[0].name.clear();
  EXPECT_EQ(verdict(answer), "SiO2, P3221 (or P3121): 94 %");
  answer.phases[0].space_group = 62;
  EXPECT_EQ(verdict(answer), "SiO2, Pnma: 5 %") << "the probability of the group that is named";
}

TEST(IdentificationText, OtherPhasesThatExplainItAsWellAreSaid) {
  const Identification answer = quartz_and_calcite();
  EXPECT_EQ(verdict(answer), "quartz, SiO2, P3221 (or P3121): 75.0 wt %; calcite, CaCO3, R-3c: 25.0 wt %");
  EXPECT_NE(to_text(answer, 5).find(
                "about as well  quartz, SiO2, P3221 (or P3121); aragonite, CaCO3, Pnma: residual 13.1 %\n"),
            std::string::npos)
      << to_text(answer, 5);
  EXPECT_EQ(to_text(quartz(), 5).find("about as well"), std::string::npos);
}

TEST(IdentificationText, AShareIsNeverSaidToBeCertain) {
  EXPECT_EQ(percent_text(0), "<1 %");
  EXPECT_EQ(percent_text(0.0099), "<1 %");
  EXPECT_EQ(percent_text(0.01), "1 %");
  EXPECT_EQ(percent_text(0.974), "97 %");
  EXPECT_EQ(percent_text(0.9949), "99 %");
  EXPECT_EQ(percent_text(0.9951), "99.5 %");
  EXPECT_EQ(percent_text(0.99999), ">99.9 %");
}

TEST(IdentificationText, SaysTheVerdictFirstAndThenWhatSpeaksForIt) {
  const std::string text = to_text(quartz(), 5);
  const auto lines = lines_of(text);
  const auto has = [&](const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  ASSERT_GT(lines.size(), 10u);
  EXPECT_EQ(lines[0], "scans/quartz.xy");
  EXPECT_EQ(lines[1], "  quartz, SiO2, P3221 (or P3121): 94 %");
  EXPECT_TRUE(text.ends_with("\n\n"));
  EXPECT_TRUE(has("  assumed        wavelength 1.5406 A (by file)")) << text;
  EXPECT_TRUE(has("  warning        the first warning")) << text;
  EXPECT_TRUE(has("  warning        -the second, with a comma")) << text;
  EXPECT_TRUE(has("  crystal system trigonal 95.0 %, orthorhombic 4.0 %, monoclinic 1.0 %")) << text;
  EXPECT_TRUE(
      has("  space group    152  P3121      94.0 %  or its mirror image 154 (P3221): powder patterns "
          "can't tell"))
      << text;
  EXPECT_TRUE(has("                  62  Pnma        5.0 %  orthorhombic")) << text;
  EXPECT_TRUE(has("  extinctions    P 31 - - (of P3121)")) << text;
  EXPECT_TRUE(has("  candidates       91 %  quartz, SiO2: similarity 0.953, AMCSD 0000789")) << text;
  EXPECT_TRUE(has("                         trigonal, 154 P3221 (or P3121), extinction symbol P 31 - -"))
      << text;
  EXPECT_TRUE(has("                         as like: quartz low (152), berlinite (152)")) << text;
  EXPECT_TRUE(has("                         orthorhombic, 62 Pnma, extinction symbol P n - a")) << text;
  EXPECT_NE(text.find("(calculated, not measured)"), std::string::npos) << text;
}

TEST(IdentificationText, ShowsTerminalsNoControlCharactersAndCutsTheLists) {
  const std::string text = to_text(quartz(), 5);
  EXPECT_TRUE(is_utf8(text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\x1b[2J\\x0a\\xff"), std::string::npos) << text;
  const std::string first = to_text(quartz(), 1);
  EXPECT_EQ(first.find("Pnma"), std::string::npos) << first;
  EXPECT_NE(first.find("berlinite"), std::string::npos) << first;
}

TEST(IdentificationText, OfARefusedPatternTheReasonAlone) {
  EXPECT_EQ(to_text(refused_file(), 5), "broken.txt\n  refused: broken.txt:2: intensity nan\n\n");
  EXPECT_EQ(lines_of(to_text(unknown_phase(), 5))[0], "strange.xy [3]");
}

TEST(IdentificationCsv, ARowAPattern) {
  EXPECT_TRUE(csv_header().starts_with("file,index,refused,no_match,phase,formula,space_group,hm,"))
      << csv_header();
  const std::vector<std::pair<const char*, const char*>> expected{
      {"file", "scans/quartz.xy"},
      {"index", "0"},
      {"refused", ""},
      {"no_match", ""},
      {"phase", "quartz"},
      {"formula", "SiO2"},
      {"space_group", "152"},
      {"hm", "P3121"},
      {"indistinguishable_from", "154"},
      {"extinction_symbol", "P 31 - -"},
      {"crystal_system", "trigonal"},
      {"confidence", "0.9400"},
      {"candidate", "quartz"},
      {"candidate_formula", "SiO2"},
      {"similarity", "0.9530"},
      {"source", "AMCSD"},
      {"entry", "0000789"},
      {"wavelength", "1.5406"},
      {"reason", ""},
      {"warnings", "the first warning; -the second, with a comma"}};
  for (const auto& [name, value] : expected)
    EXPECT_EQ(field(quartz(), name), value) << name;
}

TEST(IdentificationCsv, WithoutAMatchTheLikeliestStructureIsNoPhase) {
  Identification answer = unknown_phase();
  std::swap(answer.candidates[0], answer.candidates[1]);
  EXPECT_EQ(field(answer, "no_match"), "unknown_phase");
  EXPECT_EQ(field(answer, "phase"), "");
  EXPECT_EQ(field(answer, "formula"), "");
  EXPECT_EQ(field(answer, "candidate_formula"), "Ca2Si");
  EXPECT_EQ(field(answer, "similarity"), "0.5124");
  EXPECT_EQ(field(answer, "space_group"), "62");
  EXPECT_EQ(field(answer, "indistinguishable_from"), "");
  EXPECT_EQ(field(answer, "index"), "3");
}

TEST(IdentificationCsv, ARefusedPatternHasEmptyFields) {
  const Identification answer = refused_file();
  EXPECT_EQ(field(answer, "refused"), "broken.txt:2: intensity nan");
  for (const char* name :
       {"no_match", "phase", "space_group", "hm", "crystal_system", "confidence", "similarity"})
    EXPECT_EQ(field(answer, name), "") << name;
}

TEST(IdentificationCsv, NoTextIsAFormulaNorBreaksTheRow) {
  Identification answer = unknown_phase();
  std::swap(answer.candidates[0], answer.candidates[1]);
  EXPECT_EQ(field(answer, "candidate"), "'=cmd|' /C calc'!A0,\"</script><b>&\\x1b[2J\\x0a\\xff");
  EXPECT_EQ(field(answer, "source"), "'+source");
  EXPECT_EQ(field(answer, "entry"), "'@entry");
  const std::string row = csv_row(answer);
  EXPECT_EQ(std::count(row.begin(), row.end(), '\n'), 1);
  answer.file = "-";
  EXPECT_EQ(field(answer, "file"), "'-");
  EXPECT_EQ(csv_text("plain"), "plain");
  EXPECT_EQ(csv_text("a \"b\", c"), "\"a \"\"b\"\", c\"");
  EXPECT_EQ(csv_text("a;=1"), "\"a;=1\"");
  EXPECT_EQ(csv_text("\t=1"), "\\x09=1");
  EXPECT_EQ(csv_text(""), "");
}

}  // namespace
}  // namespace bragg::apps::tests
