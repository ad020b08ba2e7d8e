// The frame of a report: one HTML page that needs nothing beside itself, in light and dark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bragg::apps::report {

/// The whole page around `body` (HTML); `more_style` (CSS) is what only such a page needs.
std::string page(std::string_view title, std::string_view body, std::string_view more_style = {});
/// A headed part of the page. `lead` (HTML, may be empty) says how to read what follows.
std::string section(std::string_view title, std::string_view lead, std::string_view body);
/// Cells are HTML; the first column names the row, the others are numbers.
std::string table(std::string_view caption, const std::vector<std::string>& heads,
                  const std::vector<std::vector<std::string>>& rows);
/// A picture with a caption (HTML) below.
std::string figure(std::string_view svg, std::string_view caption);
/// Folded away until it is opened.
std::string details(std::string_view summary, std::string_view body);

}  // namespace bragg::apps::report
