// How pages with patterns look, beside what all pages share (html.cpp).
#include "apps/report/pattern_view.h"

namespace bragg::apps::report {

std::string_view pattern_style() {
  return R"(
.match { position: relative; } .match > input { position: absolute; opacity: 0; pointer-events: none; }
.match h2, .verdict, .contents td, .contents th { overflow-wrap: anywhere; }
.contents th, .contents td { white-space: normal; } .contents td, .contents th { text-align: left; } .contents td:last-child, .contents th:last-child { white-space: nowrap; } a { color: var(--blue); }
.verdict { font-size: 1.15rem; font-weight: 600; }
.pattern { display: grid; grid-template-columns: 38px minmax(0, 1fr); margin: 12px 0 14px; padding: 10px 16px 8px 6px;
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.pattern .tools, .pattern .unit { grid-column: 1 / -1; } .pattern .unit { font-size: 11.5px; color: var(--soft); padding-left: 6px; }
.pattern .x + .unit { text-align: center; }
.pattern .tools { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; padding: 0 0 8px 6px; } .pattern .tools[hidden] { display: none; }
.pattern button { font: inherit; font-size: 0.86rem; color: var(--ink); background: var(--page); border: 1px solid var(--rule); border-radius: 6px; padding: 3px 9px; cursor: pointer; }
.pattern output { font-size: 0.86rem; color: var(--soft); min-height: 1.4em; overflow-wrap: anywhere; }
.pattern .plot { position: relative; z-index: 1; height: 360px; } .pattern svg { width: 100%; height: 100%; overflow: hidden; touch-action: pan-y; cursor: crosshair; position: relative; }
.pattern svg * { vector-effect: non-scaling-stroke; }
.pattern .range { position: absolute; top: 0; bottom: 0; background: var(--blue); opacity: 0.18; pointer-events: none; }
.pattern .y, .pattern .x { position: relative; font-size: 11px; color: var(--soft); font-variant-numeric: tabular-nums; }
.pattern .x { grid-column: 2; height: 18px; pointer-events: none; } .pattern .y { overflow: hidden; }
.pattern .y span { position: absolute; right: 5px; transform: translateY(50%); } .pattern .x span { position: absolute; top: 2px; transform: translateX(-50%); }
.pattern .x span::before { content: ""; position: absolute; left: 50%; bottom: 100%; height: 362px; border-left: 1px solid var(--rule); }
svg polyline.edge-a, svg polyline.edge-b, svg polyline.edge-c { fill: none; stroke-width: 1.4; }
svg .edge-a { stroke: var(--blue); } svg .edge-b { stroke: var(--red); } svg .edge-c { stroke: var(--green); }
svg circle.edge-a { fill: var(--blue); } svg circle.edge-b { fill: var(--red); } svg circle.edge-c { fill: var(--green); }
.sticks { display: none; } .sticks path { fill: none; stroke: var(--red); stroke-width: 2; } .sticks path:hover { stroke: var(--ink); stroke-width: 4; }
.c1:checked ~ .pattern .s1, .c2:checked ~ .pattern .s2, .c3:checked ~ .pattern .s3, .c4:checked ~ .pattern .s4, .c5:checked ~ .pattern .s5, .c6:checked ~ .pattern .s6 { display: inline; }
.c1:checked ~ .choice .l1, .c2:checked ~ .choice .l2, .c3:checked ~ .choice .l3, .c4:checked ~ .choice .l4, .c5:checked ~ .choice .l5, .c6:checked ~ .choice .l6 { border-color: var(--blue); box-shadow: 0 0 0 1px var(--blue); }
.c1:focus-visible ~ .choice .l1, .c2:focus-visible ~ .choice .l2, .c3:focus-visible ~ .choice .l3, .c4:focus-visible ~ .choice .l4, .c5:focus-visible ~ .choice .l5, .c6:focus-visible ~ .choice .l6 { outline: 2px solid var(--blue); outline-offset: 2px; }
.choice { grid-template-columns: repeat(auto-fill, minmax(min(270px, 100%), 1fr)); margin-bottom: 14px; } .choice label { cursor: pointer; overflow-wrap: anywhere; }
.choice strong, .choice span { display: block; } .choice span { color: var(--soft); font-size: 0.86rem; } .match .card h3 { margin-bottom: 4px; }
.rows .sticks { display: inline; } .rows .sticks path { stroke-width: 1.2; }
.rows .trace { stroke: var(--grey); stroke-width: 1.4; } svg .calculated { fill: none; stroke: var(--red); stroke-width: 0.9; stroke-linejoin: round; }
svg .background { fill: none; stroke: var(--green); stroke-width: 0.9; } svg .difference { fill: none; stroke: var(--blue); stroke-width: 0.8; stroke-linejoin: round; }
.rows .s1 path, .k-s1 { stroke: #1f5fa8; color: #1f5fa8; } .rows .s2 path, .k-s2 { stroke: #b23a2e; color: #b23a2e; } .rows .s3 path, .k-s3 { stroke: #17784a; color: #17784a; }
.rows .s4 path, .k-s4 { stroke: #8a5fb0; color: #8a5fb0; } .rows .s5 path, .k-s5 { stroke: #b07b1e; color: #b07b1e; } .rows .s6 path, .k-s6 { stroke: #1b8a9a; color: #1b8a9a; }
.rows .s7 path, .k-s7 { stroke: #a0527d; color: #a0527d; } .rows .s8 path, .k-s8 { stroke: #6b7280; color: #6b7280; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 0.88rem; } .legend span { overflow-wrap: anywhere; } .legend span::before { content: "\2500\00a0"; }
.k-measured { color: var(--grey); } .k-calculated { color: var(--red); } .k-background { color: var(--green); } .k-difference { color: var(--blue); }
.match .cards { grid-template-columns: repeat(auto-fill, minmax(min(270px, 100%), 1fr)); }
)";
}

}  // namespace bragg::apps::report
