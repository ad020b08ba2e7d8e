// A header's line cut into fields or into keys and values. Part of header_axis.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/formats/text_rows.h"

namespace bragg::data {

struct HeaderFields {
  std::vector<std::string> fields;  ///< folded to ASCII; empty ones keep their place between separators
  std::string whole;                ///< the line, folded, without its comment sign
  bool is_separated = false;        ///< by comma, semicolon, bar or tab, not by blanks
  bool is_comment = false;
  bool is_sentence = false;  ///< "key: value" or prose: no names
};
/// Cuts by the rows' separator or by whatever sign the line has; a bracket, a unit and the second word of a
/// name stay with what they belong to.
HeaderFields header_fields(std::string_view line, const Dialect&);

/// "key: value" and "key = value" pairs, JSON's and those in quotes; keys in lower case without blanks,
/// dashes and underscores.
std::vector<std::pair<std::string, std::string>> header_entries(std::string_view line);
/// Keys of the axis: "xunits", "xaxis" ...; the vague ones ("unit") may mean another thing.
bool is_axis_key(std::string_view key);
bool is_vague_axis_key(std::string_view key);
/// Keys that say what was moved during the scan, and the values that are no 2 theta: "omega", "phi", "time".
bool is_scan_key(std::string_view key);
std::optional<std::string> scanned_otherwise(std::string_view value);
/// A number and nothing else.
bool is_plain_number(std::string_view field);

}  // namespace bragg::data
