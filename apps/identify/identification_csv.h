// Identifications as a table for spreadsheets: comma-separated values, a row a pattern.
#pragma once

#include <string>
#include <string_view>

#include "apps/identify/identification.h"

namespace bragg::apps {

/// The names of the columns, as a line. `phase` and `formula` are empty without an accepted phase; candidate,
/// similarity, source and entry are those of the phase, or without one of the likeliest structure;
/// space_group, hm and indistinguishable_from (the mirror image) are of the likeliest group, confidence is
/// its probability, crystal_system the likeliest one.
std::string csv_header();
/// A pattern's line. Fields with a comma, a semicolon or a quotation mark stand in quotation marks, which are
/// doubled (RFC 4180; lines end with LF). A text that begins with = + - or @ gets ' before it, so that no
/// spreadsheet runs it; control characters and what is no UTF-8 stand as \xNN, so that a row is a line.
std::string csv_row(const Identification&);

/// A text from outside as such a field.
std::string csv_text(std::string_view);

}  // namespace bragg::apps
