#include "data/formats/scan_writer.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "data/formats/scan_pattern.h"

namespace bragg::data {
namespace {

/// Ten digits: a step of 0.0131 summed up is not shown to its last bit.
template <typename... Values>
void add_row(std::string& text, char separator, Values... values) {
  const char* between = "";
  const char sign[] = {separator, '\0'};
  ((fmt::format_to(std::back_inserter(text), "{}{:.10g}", between, values), between = sign), ...);
  text += '\n';
}

/// One word, as column names are where blanks part them: "2theta_deg", "q_A^-1", "d_A", "phi_deg".
std::string column_name(const ScanRows& rows) {
  return fmt::format("{}_{}", rows.axis == "two_theta" ? "2theta" : rows.axis,
                     rows.unit == "1/A" ? "A^-1" : rows.unit);
}

bool has_pair(const Radiation& radiation) {
  return radiation.alpha2 && radiation.position_wavelength != radiation.wavelength;
}

std::string radiation_lines(const Scan& scan) {
  const Radiation radiation = radiation_of(scan);
  if (radiation.fault || !radiation.wavelength) return "";
  if (!has_pair(radiation)) return fmt::format("# wavelength = {:.10g} A\n", *radiation.wavelength);
  std::string text = fmt::format("# K-Alpha1 wavelength = {:.10g} A\n# K-Alpha2 wavelength = {:.10g} A\n",
                                 *radiation.wavelength, *radiation.alpha2);
  if (scan.alpha2_ratio) text += fmt::format("# Ratio K-Alpha2/K-Alpha1 = {:.6g}\n", *scan.alpha2_ratio);
  return text;
}

/// The scan's own, else those of counts; empty where there are none.
std::vector<double> uncertainties(const Scan& scan, const ScanRows& rows) {
  if (!rows.uncertainty.empty() || scan.unit != IntensityUnit::counts) return rows.uncertainty;
  std::vector<double> sigma;
  for (const double counts : rows.intensity)
    sigma.push_back(std::sqrt(std::max(counts, 1.0)));
  return sigma;
}

/// A CIF value in quotes, without what a quoted string can't hold.
std::string cif_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text)
    quoted += c >= ' ' && c <= '~' && c != '\'' ? c : '_';
  return quoted + "'";
}

std::string cif_radiation(const Scan& scan) {
  const Radiation radiation = radiation_of(scan);
  if (radiation.fault || !radiation.wavelength) return "";
  if (!has_pair(radiation))
    return fmt::format("_diffrn_radiation_wavelength {:.10g}\n", *radiation.wavelength);
  // Weights are written where the file had a ratio: none is made up.
  const auto& ratio = scan.alpha2_ratio;
  return fmt::format(
      "loop_\n_diffrn_radiation_wavelength_id\n_diffrn_radiation_wavelength\n{}1 {:.10g}{}\n2 {:.10g}{}\n",
      ratio ? "_diffrn_radiation_wavelength_wt\n" : "", *radiation.wavelength, ratio ? " 1.0" : "",
      *radiation.alpha2, ratio ? fmt::format(" {:.6g}", *ratio) : "");
}

}  // namespace

std::string scan_as_columns(const Scan& scan, ColumnLayout layout) {
  const ScanRows rows = to_rows(scan);
  std::vector<double> sigma;
  if (layout == ColumnLayout::xye) {
    sigma = uncertainties(scan, rows);
    if (sigma.empty())
      throw PatternRefused(
          "neither uncertainties nor counts, from which they follow: .xye needs them, .xy does not");
  } else if (layout == ColumnLayout::csv) {
    sigma = rows.uncertainty;
  }
  const char separator = layout == ColumnLayout::csv ? ',' : ' ';
  std::string text = radiation_lines(scan);
  text +=
      fmt::format("{}{}{}intensity", layout == ColumnLayout::csv ? "" : "# ", column_name(rows), separator);
  if (!sigma.empty()) text += fmt::format("{}uncertainty", separator);
  text += '\n';
  for (std::size_t i = 0; i < rows.x.size(); ++i) {
    if (sigma.empty())
      add_row(text, separator, rows.x[i], rows.intensity[i]);
    else
      add_row(text, separator, rows.x[i], rows.intensity[i], sigma[i]);
  }
  return text;
}

std::string scan_as_cif(const Scan& scan, std::string_view name) {
  const ScanPattern data = to_pattern(scan);
  const auto& [abscissa, x, intensity] = data.pattern;
  std::string code;
  for (const char c : name)
    code += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  std::string text = fmt::format("data_{}\n_pd_block_id {}\n", code.empty() ? "scan" : code, cif_text(code));
  if (!scan.sample.empty()) text += fmt::format("_pd_char_special_details {}\n", cif_text(scan.sample));
  if (!scan.date.empty()) text += fmt::format("_pd_meas_datetime_initiated {}\n", cif_text(scan.date));
  if (!scan.anode.empty()) text += fmt::format("_diffrn_source_target {}\n", cif_text(scan.anode));
  text += "_diffrn_radiation_probe x-ray\n" + cif_radiation(scan);
  const bool counts = scan.unit == IntensityUnit::counts && data.uncertainty.empty();
  text += fmt::format("_pd_meas_number_of_points {}\nloop_\n{}\n{}\n", x.size(),
                      abscissa == Abscissa::two_theta ? "_pd_meas_2theta_scan"
                      : abscissa == Abscissa::d       ? "_pd_proc_d_spacing"
                                                      : "_pd_proc_recip_len_Q",
                      counts ? "_pd_meas_counts_total" : "_pd_meas_intensity_total");
  if (!data.uncertainty.empty()) text += "_pd_meas_intensity_total_su\n";
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (data.uncertainty.empty())
      add_row(text, ' ', x[i], intensity[i]);
    else
      add_row(text, ' ', x[i], intensity[i], data.uncertainty[i]);
  }
  return text;
}

}  // namespace bragg::data
