#include "data/formats/powder_cif.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/text_source.h"
#include "tests/data/format_checks.h"
#include "tests/support/shared_data.h"

namespace bragg::data::tests {
namespace {

constexpr int points = 25;
int count_at(int i) {
  return 100 + (i * 37) % 53;
}

std::string measured(const std::string& radiation, int declared = points) {
  std::string text = fmt::format(
      "data_calcite\n_pd_meas_2theta_range_min 10.0\n_pd_meas_2theta_range_max "
      "10.48\n_pd_meas_2theta_range_inc 0.02\n"
      "_pd_meas_number_of_points {}\n{}\nloop_\n_pd_meas_intensity_total\n_pd_calc_intensity_total\n",
      declared, radiation);
  for (int i = 0; i < points; ++i)
    text += fmt::format("{}({}) .\n", 10 * count_at(i), 20 + i);
  return text;
}
constexpr const char* copper =
    "loop_\n_diffrn_radiation_wavelength_id\n_diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_"
    "wt\n1 1.54056 1.0\n2 1.54439 0.5\n"
    "_diffrn_radiation_type 'Cu K\\a'\n";

std::string processed(const char* position, const char* intensity) {
  std::string text = fmt::format(
      "data_profile\n_pd_block_id one\nloop_\n_pd_proc_point_id\n{}\n_pd_proc_energy_incident\n{}\n",
      position, intensity);
  for (int i = 0; i < points; ++i)
    text += fmt::format("{} {:.2f} . {}\n", i + 1, 10 + 0.02 * i, i == 3 ? "?" : std::to_string(count_at(i)));
  return text +
         "data_other\n_pd_proc_number_of_points 25\n_diffrn_radiation_wavelength "
         "0.49935\n_pd_block_diffractogram_id one\n";
}

TEST(PowderCif, ReadsMeasuredCountsOverARange) {
  const auto scans = read_as(powder_cif_format(), measured(copper));
  ASSERT_EQ(scans.size(), 1);
  const Scan& scan = scans[0];
  ASSERT_EQ(scan.x.size(), points);
  EXPECT_NEAR(scan.x[24], 10.48, 1e-9);
  EXPECT_EQ(scan.intensity[7], 10 * count_at(7));
  EXPECT_EQ(scan.uncertainty.at(7), 27);
  EXPECT_EQ(*scan.radiation.wavelength, 1.54056);
  EXPECT_EQ(*scan.radiation.alpha2, 1.54439);
  EXPECT_EQ(scan.alpha2_ratio, 0.5);
  EXPECT_EQ(scan.anode, "Cu");
  EXPECT_TRUE(scan.warnings.empty());
}

TEST(PowderCif, ReadsAProcessedProfileAndItsWavelengthInAnotherBlock) {
  const auto scans =
      read_as(powder_cif_format(), processed("_pd_proc_2theta_corrected", "_pd_proc_intensity_net"));
  ASSERT_EQ(scans.size(), 1);
  EXPECT_EQ(scans[0].x.size(), points - 1);
  EXPECT_EQ(*scans[0].radiation.wavelength, 0.49935);
  EXPECT_EQ(scans[0].unit, IntensityUnit::arbitrary);
  EXPECT_EQ(read_as(powder_cif_format(), processed("_pd_proc_d_spacing", "_pd_proc_intensity_total"))[0].axis,
            AxisQuantity::d);
}

TEST(PowderCif, RefusesWhatIsNoMeasurementByName) {
  for (const std::string& text :
       {measured("_diffrn_radiation_probe neutron"), measured("_diffrn_radiation_type 'neutron, reactor'"),
        processed("_pd_proc_2theta_corrected", "_pd_calc_intensity_net"),
        processed("_pd_meas_time_of_flight", "_pd_proc_intensity_net")}) {
    EXPECT_TRUE(is_refused_by_name(powder_cif_format(), text)) << refusal_of(powder_cif_format(), text);
  }
  EXPECT_NE(refusal_of(powder_cif_format(), measured(copper, 26)).find("26 points are declared"),
            std::string::npos);
  EXPECT_NE(refusal_of(powder_cif_format(), processed("_pd_proc_other", "_pd_proc_intensity_net"))
                .find("without positions"),
            std::string::npos);
  EXPECT_FALSE(powder_cif_format().looks_like("data_quartz\n_cell_length_a 4.9\n"));
}

TEST(PowderCif, IsNeverASilentPartOrAFault) {
  const std::string first = measured(copper),
                    second = processed("_pd_proc_2theta_corrected", "_pd_proc_intensity_net");
  expect_no_silent_prefix(powder_cif_format(), first, 7, first.size() - 2);
  // What stands behind the profile: tags without values and rows of another loop are no end either.
  const std::string behind =
      first + "loop_\n_geom_angle_atom_site_label_1\n_geom_angle\nA 1.5\nB 2.5\nC 3.5\n";
  EXPECT_EQ(read_as(powder_cif_format(), behind + "#END\n")[0].warnings.size(), 0u);
  for (std::size_t size = first.size() + 6; size < behind.size(); ++size)
    EXPECT_FALSE(refusal_of(powder_cif_format(), behind.substr(0, size)).empty() &&
                 read_as(powder_cif_format(), behind.substr(0, size))[0].warnings.empty())
        << behind.substr(first.size(), size - first.size());
  // The profile is whole where the next block begins.
  expect_no_silent_prefix(powder_cif_format(), second, 7, second.find("data_other"));
  expect_answer_for_mutants(powder_cif_format(), first, 400);
  expect_answer_for_mutants(powder_cif_format(), second, 400);
}

TEST(PowderCif, PartnersAreFoundByTheirIdentifierHoweverManyBlocksThereAre) {
  // 5,000 profiles whose wavelengths stand behind all of them.
  std::string text;
  constexpr int blocks = 5000;
  for (int i = 0; i < blocks; ++i)
    text += fmt::format(
        "data_p{0}\n_pd_block_id p{0}\nloop_\n_pd_proc_2theta_corrected\n_pd_proc_intensity_net\n"
        "10 1\n11 2\n",
        i);
  for (int i = 0; i < blocks; ++i)
    text +=
        fmt::format("data_w{0}\n_diffrn_radiation_wavelength 1.{0:04}\n_pd_block_diffractogram_id p{0}\n", i);
  const auto scans = read_as(powder_cif_format(), text);
  ASSERT_EQ(scans.size(), blocks);
  EXPECT_EQ(*scans[0].radiation.wavelength, 1);
  EXPECT_EQ(*scans[4321].radiation.wavelength, 1.4321);
}

TEST(PowderCif, WavelengthsThatAreTooManyAreAFaultOfTheirLine) {
  const std::string three =
      "loop_\n_diffrn_radiation_wavelength_id\n_diffrn_radiation_wavelength\n1 1.54056\n2 1.54439\n3 "
      "1.39222\n";
  EXPECT_EQ(read_as(powder_cif_format(), measured(three))[0].radiation.fault,
            "line 9: 3 wavelengths are named");
}

struct Sample {
  const char* file;
  std::size_t points;
  double first, last, wavelength, alpha2, sum;
};

TEST(PowderCif, ReadsRealFilesAsOtherReadersDo) {
  // By xyconv of xylib and by gemmi.
  for (const Sample& want :
       {Sample{"br1340Isup2.rtv.combined.cif", 4001, 10, 90, 1.5418, 0, 725756},
        Sample{"gw5052Mg2Sn_100K_LTsup23.rtv.combined.cif", 7081, 5.5, 76.3, 0.49935, 0, 10091972},
        Sample{"sh0123Xraysup5.rtv.combined.cif", 2001, 10, 110, 1.540562, 0, 3085528},
        Sample{"wh5012phaseIIIsup3.rtv.combined.cif", 553, 5.00418, 18.21831, 0.71073, 0, 75268.65108},
        Sample{"wn6225Isup2.rtv.combined.cif", 6251, 10, 135, 1.54056, 1.54439, 1825627}}) {
    BRAGG_SHARED_DATA_OR_SKIP(path, std::string("patterns/pdcif/") + want.file);
    const auto scans = read_as(powder_cif_format(), read_text_source(path, largest_scan_bytes));
    ASSERT_EQ(scans.size(), 1) << want.file;
    EXPECT_EQ(scans[0].x.size(), want.points) << want.file;
    EXPECT_NEAR(scans[0].x.front(), want.first, 1e-9);
    EXPECT_NEAR(scans[0].x.back(), want.last, 1e-9);
    EXPECT_EQ(scans[0].radiation.wavelength, want.wavelength);
    EXPECT_EQ(scans[0].radiation.alpha2.value_or(0), want.alpha2);
    double sum = 0;
    for (const double y : scans[0].intensity)
      sum += y;
    EXPECT_NEAR(sum, want.sum, 1e-3) << want.file;
  }
  BRAGG_SHARED_DATA_OR_SKIP(neutrons, "patterns/pdcif/1517474.cif");
  EXPECT_TRUE(is_refused_by_name(powder_cif_format(), read_text_source(neutrons, largest_scan_bytes)));
}

}  // namespace
}  // namespace bragg::data::tests
