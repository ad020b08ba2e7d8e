#include "data/formats/xrdml_short_form.h"

#include <cmath>

#include <fmt/format.h>

#include "data/formats/base64.h"
#include "data/formats/format.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"

namespace bragg::data {
namespace {

/// Of a step: ends that are rounded to two decimals.
constexpr double same_step = 0.01;

std::vector<double> read_intensities(const XmlDocument& document, Xml element, Scan& scan) {
  const std::string encoding = attribute(element, "encoding");
  if (encoding.empty()) return document.numbers(element);
  if (letters_of(encoding) != "base64")
    document.fail(element, fmt::format("intensities in the encoding {}", quoted_line(encoding)));
  const auto text = decode_base64(text_of(element));
  if (!text) document.fail(element, "the intensities are no base64");
  scan.notes.push_back({"intensity", "numbers as text in base64", document.place(element)});
  return document.numbers(element, *text);
}

/// The fields are named thetaMin and thetaMax, and hold 2 theta where the axis is 2Theta/Theta.
void read_range(const XmlDocument& document, Xml goniometer, Scan& scan) {
  const Xml low = child(goniometer, "thetaMin"), high = child(goniometer, "thetaMax"),
            width = child(goniometer, "stepSize");
  if (!low || !high || !width) document.fail(goniometer, "no <thetaMin>, <thetaMax> and <stepSize>");
  const double first = document.number(low), last = document.number(high), step = document.number(width);
  const std::size_t n = scan.intensity.size();
  if (n < 2) throw FormatRefused(fmt::format("{} points: no scan", n));
  const double reached = first + static_cast<double>(n - 1) * step;
  if (!(step > 0) || std::abs(reached - last) > same_step * step) {
    document.fail(width, fmt::format("{} intensities from {} in steps of {} end at {}, not at {}", n, first,
                                     step, reached, last));
  }
  for (std::size_t i = 0; i < n; ++i)
    scan.x.push_back(first + (last - first) * static_cast<double>(i) / static_cast<double>(n - 1));
  scan.notes.push_back({"axis",
                        fmt::format("<thetaMin> {} and <thetaMax> {} are taken for 2 theta: the axis is {}",
                                    first, last, scan.scan_axis),
                        document.place(goniometer)});
}

}  // namespace

bool is_xrdml_short_form(Xml scan) {
  return child(scan, "xrdElement") && !child(scan, "dataPoints");
}

Scan read_xrdml_short_form(const XmlDocument& document, Xml measurement, Xml element) {
  const auto elements = children(element, "xrdElement");
  if (elements.size() > 1) document.fail(elements[1], "several <xrdElement> in one scan");
  const Xml common = child(elements[0], "commonParameters"), goniometer = child(common, "goniometer");
  Scan scan;
  scan.scan_axis = text_of(child(goniometer, "scanAxis"));
  if (!steps_two_theta(scan.scan_axis))
    throw FormatRefused(fmt::format("a scan of {}, not of 2 theta", quoted_line(scan.scan_axis)));
  const auto values = children(elements[0], "intensities");
  if (values.size() != 1) document.fail(elements[0], fmt::format("{} elements <intensities>", values.size()));
  scan.intensity = read_intensities(document, values[0], scan);
  read_range(document, goniometer, scan);
  try {
    check_scan(scan);
  } catch (const Error& error) {
    document.fail(elements[0], error.what());
  }
  StatedRadiation stated;
  stated.anode = text_of(child(common, "tubeAnode"));
  stated.alpha1 = document.optional_number(descend(common, {"wavelengths", "kAlpha1"}));
  stated.alpha2 = document.optional_number(descend(common, {"wavelengths", "kAlpha2"}));
  stated.from = document.place(common);
  set_radiation(scan, stated);
  note_unstated_slits(scan);
  scan.counting_time = document.optional_number(child(common, "countingTime"));
  scan.sample = text_of(descend(measurement, {"sample", "name"}));
  if (scan.sample.empty()) scan.sample = text_of(descend(document.root(), {"sample", "name"}));
  return scan;
}

}  // namespace bragg::data
