// Bruker's .brml and Rigaku's .rasx.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/formats/brml.h"
#include "data/formats/rasx.h"
#include "data/formats/scan_pattern.h"
#include "tests/data/format_samples.h"
#include "tests/support/shared_data.h"

namespace bragg::data {
namespace {

/// A raw-data document; empty parts take what a powder scan has.
struct RawData {
  std::string rows =
      "<Datum>2,1,10,5,100</Datum><Datum>2,8.3,10.02,5.01,830</Datum><Datum>2,1,10.04,5.02,90</Datum>";
  std::string axes = "<ScanAxisInfo AxisId=\"TwoTheta\"/><ScanAxisInfo AxisId=\"Theta\"/>";
  std::string field = "TwoTheta";
  std::string recorded = "Start=\"4\" Length=\"1\"";
  std::string points = "3", steps = "3", slit = {};
  std::string text() const {
    return fmt::format(R"(<?xml version="1.0"?>
<RawData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><MeasurementStatus>Measured</MeasurementStatus>
<TimeStampStarted>2023-01-26T15:23:09+01:00</TimeStampStarted><DataRoutes><DataRoute RouteFlag="Measured">
<ScanInformation VisibleName="Coupled"><MeasurementPoints>{}</MeasurementPoints><ScanAxes>{}</ScanAxes></ScanInformation>
<SubScans><SubScanInfo MeasuredSteps="{}"/></SubScans>{}<DataViews>
<RawDataView xsi:type="FixedRawDataView" Start="0" Length="1" LogicName="MeasuredTime"/>
<RawDataView xsi:type="FixedRawDataView" Start="1" Length="1" LogicName="AbsorptionFactor"/>
<RawDataView xsi:type="VaryingRawDataView" Start="2" Length="2"><Varying><FieldDefinitions AxisId="{}"/>
<FieldDefinitions AxisId="Theta"/></Varying></RawDataView>
<RawDataView xsi:type="RecordedRawDataView" {}><Recording VisibleName="Lynx" LogicName="ScanCounter">
<Unit Base="Counts"/></Recording></RawDataView></DataViews></DataRoute></DataRoutes>
<FixedInformation><Instrument><PrimaryTracks><TrackInfoData><MountedOptics><InfoData><Tube>
<WaveLengthAlpha1 Unit="Å" Value="1.5406"/><WaveLengthAlpha2 Unit="nm" Value="0.154439"/><WaveLengthRatio Value="0.5"/>
<TubeMaterial>Cu</TubeMaterial></Tube></InfoData>{}</MountedOptics></TrackInfoData></PrimaryTracks></Instrument>
</FixedInformation></RawData>)",
                       points, axes, steps, rows, field, recorded, slit);
  }
};

std::vector<PackedFile> brml_members(const std::vector<RawData>& data) {
  std::vector<PackedFile> files{{"experimentCollection.xml", "<x/>"}};
  std::string references;
  for (std::size_t i = 0; i < data.size(); ++i) {
    files.push_back({fmt::format("Experiment0/RawData{}.xml", i), data[i].text()});
    references += fmt::format("<string>Experiment0/RawData{}.xml</string>", i);
  }
  files.push_back(
      {"Experiment0/DataContainer.xml",
       fmt::format("<DataContainer><RawDataReferenceList>{}</RawDataReferenceList><InstrumentDescription>"
                   "<InstrumentName>D8</InstrumentName><SerialNo>7</SerialNo></InstrumentDescription>"
                   "</DataContainer>",
                   references)});
  return files;
}

std::string brml(const std::vector<RawData>& data) {
  return zip_of(brml_members(data));
}

TEST(Brml, ReadsACoupledScanWithItsAbsorber) {
  const std::string bytes = brml({{}});
  EXPECT_TRUE(brml_format().looks_like(bytes));
  EXPECT_FALSE(rasx_format().looks_like(bytes));
  const auto scans = scans_of(brml_format(), bytes);
  ASSERT_EQ(scans.size(), 1u);
  EXPECT_EQ(scans[0].x, (std::vector<double>{10, 10.02, 10.04}));
  EXPECT_EQ(scans[0].intensity, (std::vector<double>{100, 830, 90}));
  EXPECT_NEAR(scans[0].uncertainty[1], 83, 1e-12);
  EXPECT_EQ(scans[0].attenuation, 8.3);
  EXPECT_EQ(scans[0].counting_time, 2);
  EXPECT_EQ(scans[0].radiation.wavelength, 1.5406);
  EXPECT_NEAR(scans[0].radiation.alpha2.value(), 1.54439, 1e-12);
  EXPECT_EQ(scans[0].alpha2_ratio, 0.5);
  EXPECT_EQ(scans[0].anode, "Cu");
  EXPECT_EQ(scans[0].instrument, "D8 (7)");
  EXPECT_EQ(scans[0].date, "2023-01-26T15:23:09+01:00");
  EXPECT_EQ(scans[0].scan_axis, "Coupled");
  EXPECT_TRUE(scans[0].warnings.empty());
}

TEST(Brml, SaysWhatIsOdd) {
  const auto warnings = [](const RawData& data) { return scans_of(brml_format(), brml({data}))[0].warnings; };
  EXPECT_EQ(warnings({.points = "2001"}), std::vector<std::string>{"3 of 2001 points were measured"});
  EXPECT_EQ(warnings({.rows = "<Datum>2,1,10,5,100</Datum><Datum>2,8.3,10.02,5.01,101</Datum>",
                      .points = "2",
                      .steps = "2"})
                .size(),
            1u);
  EXPECT_EQ(
      warnings(
          {.rows =
               "<Datum>2,1,10,5,1</Datum><Datum>2,1,10.02,5.01,-9999</Datum><Datum>2,1,10.04,5,1</Datum>"}),
      std::vector<std::string>{"1 points without a value are left out"});
  EXPECT_EQ(warnings({.axes = ""}).size(), 1u);
  const auto rates =
      scans_of(brml_format(), brml({{.rows = "<Datum>2,1,10,5,100</Datum><Datum>4,1,11,5.01,100</Datum>",
                                     .points = "2",
                                     .steps = "2"}}));
  EXPECT_EQ(rates[0].intensity, (std::vector<double>{50, 25}));
  const auto automatic = scans_of(
      brml_format(), brml({{.slit = "<InfoData xsi:type=\"VarSlitInfoData\" Mode=\"FixedIllumination\"/>"}}));
  EXPECT_EQ(automatic[0].slits, SlitMode::automatic);
}

TEST(Brml, RefusesByName) {
  const auto said = [](const RawData& data) { return refusal(brml_format(), brml({data})); };
  const std::string first = "no powder pattern: scan 1 (Experiment0/RawData0.xml, line 3): ";
  EXPECT_EQ(said({.axes = "<ScanAxisInfo AxisId=\"Aux1\"/>"}), first + "a scan of 'Aux1', not of 2 theta");
  EXPECT_EQ(said({.axes = "<ScanAxisInfo AxisId=\"Phi\"/><ScanAxisInfo AxisId=\"Chi\"/>"}),
            first + "a scan of 'Phi, Chi', not of 2 theta");
  EXPECT_EQ(said({.axes = "<ScanAxisInfo AxisId=\"Chi\"/>"}), first + "no column of chi");
  EXPECT_EQ(
      said({.recorded = "Start=\"4\" Length=\"192\""}),
      first +
          "frames of a detector with 192 channels ('Lynx'); export the integrated scan, for instance as .xy");
  // Nothing is read beside the row, whatever the views say of themselves.
  for (const char* view : {"Start=\"4\" Length=\"0\"", "Start=\"5\" Length=\"0\""})
    EXPECT_NE(said({.recorded = view}).find("Length='0' of <RawDataView> is no number of a column"),
              std::string::npos)
        << view;
  EXPECT_NE(said({.recorded = "Start=\"5\" Length=\"1\""}).find("5 values in a row, 6 are due"),
            std::string::npos);
  EXPECT_EQ(said({.field = "Phi"}), first + "no column of 2 theta");
  EXPECT_NE(said({.rows = "<Datum>2,1,10,5</Datum>"}).find("4 values in a row, 5 are due"),
            std::string::npos);
  EXPECT_NE(said({.rows = "<Datum>2,1,10,5,x</Datum>"}).find("value 5 is 'x'"), std::string::npos);
  EXPECT_NE(said({.rows = "<Datum>2,1,10,5,nan</Datum>"}), "");
  EXPECT_NE(said({.steps = "4"}).find("3 rows, but 4 steps"), std::string::npos);
  EXPECT_NE(said({.recorded = "Start=\"-4\" Length=\"1\""}).find("no number of a column"), std::string::npos);
  EXPECT_NE(said({.recorded = "Start=\"1e9\" Length=\"1\""}).find("no number of a column"),
            std::string::npos);
  EXPECT_NE(refusal(brml_format(), zip_of({{"Experiment0/x.xml", "<x/>"}})).find("without RawData0.xml"),
            std::string::npos);
  const std::string missing =
      "<x><RawDataReferenceList><string>../RawData5.xml</string></RawDataReferenceList></x>";
  EXPECT_NE(refusal(brml_format(), zip_of({{"Experiment0/RawData0.xml", RawData{}.text()},
                                           {"Experiment0/DataContainer.xml", missing}}))
                .find("'../RawData5.xml' is not in the archive"),
            std::string::npos);
}

TEST(Brml, SeriesAreNoRepeats) {
  const auto patterns = [](const std::string& first, const std::string& second) {
    std::vector<PackedFile> files;
    int number = 0;
    for (const std::string& fixed : {first, second}) {
      std::string text = RawData{}.text();
      text.insert(text.find("<FixedInformation>") + 18, fixed);
      files.push_back({fmt::format("Experiment0/RawData{}.xml", number++), text});
    }
    return choose_scans(brml_format().read({zip_of(files), "series"}), std::nullopt).size();
  };
  const auto phi = [](int angle) {
    return fmt::format(
        "<Drives><InfoData LogicName=\"Phi\"><Position Unit=\"deg\" Value=\"{}\"/></InfoData></Drives>",
        angle);
  };
  EXPECT_EQ(patterns(phi(10), phi(10)), 1u);
  EXPECT_EQ(patterns(phi(10), phi(20)), 2u);
  const auto heated = [](int kelvin) {
    std::string text =
        RawData{
            .rows = fmt::format("<Datum>2,1,10,5,100,{0}</Datum><Datum>2,1,10.02,5,90,{0}</Datum>", kelvin),
            .points = "2",
            .steps = "2"}
            .text();
    text.insert(text.find("</DataViews>"),
                "<RawDataView xsi:type=\"RecordedRawDataView\" Start=\"5\" Length=\"1\"><Recording "
                "VisibleName=\"Sample "
                "Temperature\" LogicName=\"T\"/></RawDataView>");
    return text;
  };
  for (const int second : {300, 400}) {
    const std::string file =
        zip_of({{"Experiment0/RawData0.xml", heated(300)}, {"Experiment0/RawData1.xml", heated(second)}});
    EXPECT_EQ(choose_scans(brml_format().read({file, "series"}), std::nullopt).size(),
              second == 300 ? 1u : 2u);
  }
}

TEST(Brml, SeveralRangesInOrderAndBounded) {
  std::vector<RawData> data(12);
  data[10].rows = "<Datum>2,1,20,5,7</Datum><Datum>2,1,21,5,8</Datum>";
  data[10].points = data[10].steps = "2";
  data[3].axes = "<ScanAxisInfo AxisId=\"Phi\"/>";
  data[5].axes = "<ScanAxisInfo AxisId=\"Theta\"/>";
  const auto scans = scans_of(brml_format(), brml(data));
  ASSERT_EQ(scans.size(), 11u);
  EXPECT_EQ(scans[9].x.front(), 20);
  EXPECT_EQ(scans[0].warnings.size(), 1u) << "one without its column is left out";
  EXPECT_EQ(scans[4].other_axis.value().name, "omega");
  EXPECT_EQ(scans[4].x.front(), 5);
  expect_bounded(brml_format(), brml({{}}), 7);
}

std::string conditions(const std::string& axis = "TwoThetaTheta", const std::string& count = "3") {
  return fmt::format(
      R"(<MeasurementConditions><GeneralInformation><SampleName>Si</SampleName><SystemName>SmartLab</SystemName>
</GeneralInformation><HWConfigurations><XrayGenerator><TargetName>Cu</TargetName><WavelengthKbeta>1.392246</WavelengthKbeta>
<WavelengthKalpha1>1.540593</WavelengthKalpha1><WavelengthKalpha2>1.544414</WavelengthKalpha2></XrayGenerator>
</HWConfigurations><Axes><Axis Name="Filter1" Position="Cu_K-beta"/><Axis Name="InFilter" Position="None"/></Axes>
<ScanInformation><AxisName>{}</AxisName><Step>0.04</Step><Speed>2</Speed><SpeedUnit>deg/min</SpeedUnit>
<PositionUnit>deg</PositionUnit><IntensityUnit>counts</IntensityUnit><StartTime>2021-05-05T10:35:31Z</StartTime>
<DataCount>{}</DataCount></ScanInformation></MeasurementConditions>)",
      axis, count);
}

const std::string profile =
    "\xef\xbb\xbf"
    "10.00\t100\t1\r\n10.04\t20\t10.5\r\n10.08\t90\t1\r\n";

std::vector<PackedFile> rasx_members(const std::string& text, const std::string& xml) {
  return {{"Data0/Profile0.txt", text}, {"Data0/MesurementConditions0.xml", xml}};
}

std::string rasx(const std::string& text, const std::string& xml) {
  std::vector<PackedFile> files = rasx_members(text, xml);
  files.push_back({"root.xml", "<Root/>"});
  return zip_of(files);
}

TEST(Rasx, ReadsAProfile) {
  const std::string bytes = rasx(profile, conditions());
  EXPECT_TRUE(rasx_format().looks_like(bytes));
  EXPECT_FALSE(brml_format().looks_like(bytes));
  const Scan scan = scans_of(rasx_format(), bytes)[0];
  EXPECT_EQ(scan.x, (std::vector<double>{10, 10.04, 10.08}));
  EXPECT_EQ(scan.intensity, (std::vector<double>{100, 210, 90}));
  EXPECT_EQ(scan.attenuation, 10.5);
  EXPECT_EQ(scan.radiation.wavelength, 1.540593);
  EXPECT_EQ(scan.radiation.alpha2, 1.544414);
  EXPECT_EQ(scan.anode, "Cu");
  EXPECT_NEAR(scan.counting_time.value(), 1.2, 1e-12);
  EXPECT_EQ(scan.instrument, "SmartLab");
  EXPECT_EQ(scan.sample, "Si");
  EXPECT_EQ(scan.monochromator, "Cu_K-beta");
  EXPECT_EQ(scan.date, "2021-05-05T10:35:31Z");
  EXPECT_TRUE(scan.warnings.empty());
  EXPECT_EQ(scans_of(rasx_format(), zip_of({{"Data0/Profile0.txt", profile}}))[0].warnings.size(), 1u);
}

TEST(Rasx, CountsThatAreNoWholeNumbersAreNone) {
  const auto unit = [](const char* rows) {
    return scans_of(rasx_format(), rasx(rows, conditions()))[0].unit;
  };
  EXPECT_EQ(unit("10 170 1\n10.04 20 10.5\n10.08 9 1\n"), IntensityUnit::counts);
  EXPECT_EQ(unit("10 170.55 1\n10.04 20 1\n10.08 9 1\n"), IntensityUnit::arbitrary);
}

TEST(ZippedFormats, OtherArchivesAreNoneOfThem) {
  for (const char* name : {"Data_of_May/Profiles.txt", "Database/Image.png", "Data/Profile0.txt",
                           "Experiments/a.xml", "Experimental.docx", "Experiment1"}) {
    EXPECT_FALSE(rasx_format().looks_like(zip_of({{name, "x"}}))) << name;
    EXPECT_FALSE(brml_format().looks_like(zip_of({{name, "x"}}))) << name;
  }
}

TEST(Rasx, TakesTheLineThatWasUsed) {
  const auto with = [](const std::string& word) {
    std::string text = conditions();
    const std::string before = "</XrayGenerator>";
    text.insert(text.find(before), fmt::format("<WaveType>{}</WaveType>", word));
    return scans_of(rasx_format(), rasx(profile, text))[0];
  };
  EXPECT_NEAR(with("Ka").radiation.position_wavelength.value(), (1.540593 + 0.5 * 1.544414) / 1.5, 1e-9);
  const Scan first = with("Ka1");
  EXPECT_EQ(first.radiation.position_wavelength, 1.540593);
  EXPECT_EQ(first.alpha2_ratio, 0);
  EXPECT_EQ(first.radiation.alpha2, 1.544414) << "as the file names it";
  EXPECT_EQ(with("Kb").radiation.position_wavelength, 1.392246);
}

TEST(Rasx, RefusesByNameAndIsBounded) {
  EXPECT_EQ(scans_of(rasx_format(), rasx(profile, conditions("Omega")))[0].other_axis.value().name, "omega");
  EXPECT_EQ(refusal(rasx_format(), rasx(profile, conditions("Slit"))),
            "no powder pattern: scan 1 (Data0/Profile0.txt): a scan of 'Slit', not of 2 theta");
  EXPECT_NE(refusal(rasx_format(), rasx(profile, conditions("Z"))).find("positions in 'deg'"),
            std::string::npos);
  EXPECT_EQ(refusal(rasx_format(), rasx(profile, conditions("TwoTheta", "4"))),
            "sample: Data0/Profile0.txt:1: 3 rows, but <DataCount> is 4");
  EXPECT_EQ(refusal(rasx_format(), rasx("10 1 1\n10.04 x 1\n", conditions())),
            "sample: Data0/Profile0.txt:2: 'x' is not a finite number ('10.04 x 1')");
  for (const char* bad : {"", "10 1 1\n", "10 1 1\n10 1 1\n9 1 1\n", "10\n11\n12\n",
                          "10 1 0\n11 1 1\n12 1 1\n", "10 -1 1\n11 1 1\n12 1 1\n"})
    EXPECT_NE(refusal(rasx_format(), rasx(bad, conditions())), "") << bad;
  EXPECT_NE(refusal(rasx_format(), zip_of({{"Data0/Image0.bin", "x"}})).find("without a profile"),
            std::string::npos);
  expect_bounded(rasx_format(), rasx(profile, conditions()), 7);
}

TEST(ZippedFormats, MembersAreBounded) {
  const auto brml_files = brml_members({{}, {.slit = "<InfoData xsi:type=\"VarSlitInfoData\"/>"}});
  // The first member is only looked for by its name.
  expect_bounded_members(brml_format(), {brml_files.begin() + 1, brml_files.end()});
  expect_bounded_members(rasx_format(), rasx_members(profile, conditions()));
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ZippedFormats, SharedSamples) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  const auto sum = [](const Scan& scan) {
    return std::accumulate(scan.intensity.begin(), scan.intensity.end(), 0.0);
  };
  // Sums by Python's zipfile and ElementTree.
  const Scan bruker = scans_of(brml_format(), bytes_of(folder / "bruker/bruker_absorber.brml")).at(0);
  EXPECT_EQ(bruker.x.size(), 2001u);
  EXPECT_EQ(bruker.x.back(), 48);
  EXPECT_NEAR(sum(bruker), 13287743.1, 0.01);
  EXPECT_EQ(bruker.attenuation, 8.3);
  const Scan silicon = scans_of(rasx_format(), bytes_of(folder / "rigaku/RM20220915Si01.rasx")).at(0);
  EXPECT_EQ(silicon.x.size(), 2151u);
  EXPECT_EQ(sum(silicon), 1151383);
  const Scan powder = scans_of(rasx_format(), bytes_of(folder / "rigaku/rigaku_powder.rasx")).at(0);
  EXPECT_EQ(powder.x.size(), 2726u);
  EXPECT_EQ(powder.x.back(), 119);
  EXPECT_NEAR(sum(powder), 149926.853359, 1e-5);
  EXPECT_EQ(powder.radiation.position_wavelength, 1.540593) << "<WaveType>Ka1";
  EXPECT_NEAR(silicon.radiation.position_wavelength.value(), 1.541867, 1e-6);
  for (const Scan* scan : {&bruker, &silicon, &powder})
    EXPECT_TRUE(scan->anode == "Cu" && scan->radiation.wavelength && scan->warnings.empty());
}

}  // namespace
}  // namespace bragg::data
