#include "apps/identify/identification_csv.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/base/utf8.h"
#include "xrd/symmetry/extinction_symbol.h"

namespace bragg::apps {
namespace {

struct Column {
  std::string_view name;
  std::string (*field)(const Identification&);
};

/// The phase, or the likeliest structure without one; null where there is none.
const Candidate* best(const Identification& answer) {
  if (!answer.phases.empty()) return &answer.phases.front();
  return answer.candidates.empty() ? nullptr : &answer.candidates.front();
}

int group_of(const Identification& answer) {
  return answer.space_groups.empty() ? 0 : answer.space_groups.front().space_group;
}

std::string pair_of(const Identification& answer) {
  const int group = group_of(answer);
  const auto pair = group == 0 ? std::nullopt : xrd::enantiomorph(group);
  return pair ? fmt::format("{}", *pair) : std::string();
}

std::string system_of(const Identification& answer) {
  const auto& systems = answer.crystal_system;
  const auto likeliest = std::max_element(systems.begin(), systems.end()) - systems.begin();
  return answer.refused ? std::string()
                        : std::string(xrd::name_of(static_cast<xrd::CrystalSystem>(likeliest)));
}

std::string all_of(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : "; ") + part;
  return csv_text(text);
}

std::string wavelength_of(const Identification& answer) {
  return answer.assumed.wavelength ? fmt::format("{}", answer.assumed.wavelength->value) : std::string();
}

/// "Ga2O3 43.8 wt %; Fe3O4 28.6 wt %"; a single phase without a fraction.
std::string phases_of(const Identification& answer) {
  std::vector<std::string> parts;
  for (const Candidate& phase : answer.phases) {
    parts.push_back(phase.formula);
    if (phase.weight_fraction) parts.back() += fmt::format(" {:.1f} wt %", 100 * *phase.weight_fraction);
  }
  return all_of(parts);
}

/// Refined, of the best.
std::string cell_of(const Identification& answer) {
  if (!best(answer)) return {};
  const xrd::UnitCell& cell = best(answer)->cell;
  return fmt::format("{:.5f} {:.5f} {:.5f} {:.4f} {:.4f} {:.4f}", cell.a, cell.b, cell.c, cell.alpha,
                     cell.beta, cell.gamma);
}

using Answer = Identification;
constexpr Column columns[] = {
    {"file", [](const Answer& a) { return csv_text(a.file); }},
    {"index", [](const Answer& a) { return fmt::format("{}", a.index); }},
    {"refused", [](const Answer& a) { return csv_text(a.refused.value_or("")); }},
    {"no_match", [](const Answer& a) { return std::string(a.no_match ? name_of(*a.no_match) : ""); }},
    {"phase", [](const Answer& a) { return a.phases.empty() ? "" : csv_text(a.phases.front().name); }},
    {"formula", [](const Answer& a) { return a.phases.empty() ? "" : csv_text(a.phases.front().formula); }},
    {"space_group", [](const Answer& a) { return group_of(a) ? fmt::format("{}", group_of(a)) : ""; }},
    {"hm", [](const Answer& a) { return csv_text(group_of(a) ? xrd::hm_short(group_of(a)) : ""); }},
    {"indistinguishable_from", pair_of},
    {"extinction_symbol",
     [](const Answer& a) { return csv_text(group_of(a) ? xrd::extinction_symbol(group_of(a)) : ""); }},
    {"crystal_system", system_of},
    {"confidence", [](const Answer& a) { return a.refused ? "" : fmt::format("{:.4f}", a.confidence()); }},
    {"candidate", [](const Answer& a) { return best(a) ? csv_text(best(a)->name) : ""; }},
    {"candidate_formula", [](const Answer& a) { return best(a) ? csv_text(best(a)->formula) : ""; }},
    {"similarity", [](const Answer& a) { return best(a) ? fmt::format("{:.4f}", best(a)->similarity) : ""; }},
    {"source", [](const Answer& a) { return best(a) ? csv_text(best(a)->source) : ""; }},
    {"entry", [](const Answer& a) { return best(a) ? csv_text(best(a)->entry) : ""; }},
    {"wavelength", wavelength_of},
    {"phases", phases_of},
    {"cell", cell_of},
    {"residual", [](const Answer& a) { return best(a) ? fmt::format("{:.4f}", best(a)->residual) : ""; }},
    {"explained", [](const Answer& a) { return best(a) ? fmt::format("{:.4f}", best(a)->explained) : ""; }},
    {"reason", [](const Answer& a) { return csv_text(a.reason); }},
    {"warnings", [](const Answer& a) { return all_of(a.warnings); }},
};

}  // namespace

std::string csv_text(std::string_view text) {
  std::string field = printable(text);
  if (!field.empty() && std::string_view("=+-@").find(field.front()) != std::string_view::npos)
    field.insert(0, 1, '\'');
  if (field.find_first_of(",;\"") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field)
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string csv_header() {
  std::string line;
  for (const Column& column : columns)
    line += fmt::format("{}{}", line.empty() ? "" : ",", column.name);
  return line + "\n";
}

std::string csv_row(const Identification& answer) {
  std::string line;
  bool is_first = true;
  for (const Column& column : columns) {
    line += (is_first ? "" : ",") + column.field(answer);
    is_first = false;
  }
  return line + "\n";
}

}  // namespace bragg::apps
