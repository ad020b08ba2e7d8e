#include "apps/report/html.h"

#include <fmt/format.h>

#include "apps/report/svg.h"

namespace bragg::apps::report {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark;
  --page: #fbfbf9; --card: #ffffff; --ink: #1b2430; --soft: #5b6675; --rule: #dfe3e8;
  --blue: #1f5fa8; --green: #17784a; --red: #b23a2e; --grey: #8b95a3; }
@media (prefers-color-scheme: dark) { :root {
  --page: #11151b; --card: #181e26; --ink: #e7eaef; --soft: #a0aab8; --rule: #2d3540;
  --blue: #74aeee; --green: #5fca94; --red: #f28b7f; --grey: #7d8897; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 "Segoe UI", "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; margin: 44px 0 6px; }
p { margin: 6px 0 12px; max-width: 88ch; }
.soft, .lead, figcaption { color: var(--soft); }
.lead { font-size: 0.95rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; margin: 24px 0 8px; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; min-width: 0; }
.tile b { display: block; font-size: 1.9rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--soft); font-size: 0.86rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 14px; }
.card h3 { font-size: 0.98rem; margin: 0; overflow-wrap: anywhere; }
.card p { margin: 2px 0 6px; font-size: 0.88rem; color: var(--soft); }
.right { color: var(--green); } .wrong { color: var(--red); }
ol.guess { list-style: none; margin: 6px 0 0; padding: 0; font-size: 0.88rem; }
ol.guess li { display: grid; grid-template-columns: 8em 1fr 4.4em; gap: 8px; align-items: center; }
ol.guess li.true { font-weight: 600; }
ol.guess i { display: block; height: 8px; border-radius: 2px; background: var(--grey); opacity: 0.55; }
ol.guess li.true i { background: var(--green); opacity: 0.9; }
ol.guess em { font-style: normal; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 12px 0 20px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 16px; }
figcaption { font-size: 0.9rem; margin-top: 8px; max-width: 100ch; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 11px; fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .tick { fill: var(--soft); font-size: 10.5px; } svg .axis-label { fill: var(--soft); font-size: 11.5px; }
svg .name { font-size: 12px; } svg .strong { font-weight: 600; font-size: 12px; } svg .inside { font-size: 9.5px; font-weight: 600; fill: var(--card); }
svg .axis { stroke: var(--grey); stroke-width: 1; } svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .trace { fill: none; stroke: var(--blue); stroke-width: 0.9; stroke-linejoin: round; }
svg .other-trace { fill: none; stroke: var(--grey); stroke-width: 0.8; stroke-linejoin: round; }
svg .cell { fill: var(--blue); } svg .cell-diagonal { fill: var(--green); } svg .frame { fill: none; stroke: var(--rule); }
svg .model { fill: var(--blue); } svg .interval { stroke: var(--blue); stroke-width: 2; }
svg .baseline { fill: var(--grey); } svg .baseline-interval { stroke: var(--grey); stroke-width: 2; }
svg .dot { fill: var(--blue); stroke: var(--card); stroke-width: 0.8; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 14px; }
.figures figure { margin: 0; padding: 10px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; color: var(--soft); padding-bottom: 6px; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child, tbody th { text-align: left; }
tbody th { color: var(--ink); font-weight: 400; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--blue); padding: 4px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; font-size: 0.92rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 0.86rem/1.45 "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 600px) { section > figure { overflow-x: auto; } section > figure svg { min-width: 600px; } main { padding: 20px 14px 40px; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; } }
@media print { body { background: #fff; } .card, figure, .tile { break-inside: avoid; } }
)";

}  // namespace

std::string page(std::string_view title, std::string_view body, std::string_view more_style) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
      escaped(title), style, more_style, body);
}

std::string section(std::string_view title, std::string_view lead, std::string_view body) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}{}</section>\n", escaped(title),
                     lead.empty() ? std::string() : fmt::format("<p class=\"lead\">{}</p>\n", lead), body);
}

std::string table(std::string_view caption, const std::vector<std::string>& heads,
                  const std::vector<std::vector<std::string>>& rows) {
  std::string text = "<div class=\"scroll\"><table>\n";
  if (!caption.empty()) text += fmt::format("<caption>{}</caption>\n", caption);
  text += "<thead><tr>";
  for (const std::string& head : heads)
    text += fmt::format("<th scope=\"col\">{}</th>", head);
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    text += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", row[i]) : fmt::format("<td>{}</td>", row[i]);
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string figure(std::string_view svg, std::string_view caption) {
  return fmt::format("<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n", svg, caption);
}

std::string details(std::string_view summary, std::string_view body) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", summary, body);
}

}  // namespace bragg::apps::report
