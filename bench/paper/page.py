#!/usr/bin/env python3
"""One page of the paper's figures out of the result of bench/paper/run.py: no script, nothing from elsewhere, light and dark.

    bench/paper/page.py bench/results/RESULT.json docs/paper.html --tables docs/measured.md [--check] [--measured FILE.csv]

--tables writes the tables between <!-- bench/paper NAME --> and <!-- bench/paper end --> of a text; --check writes nothing and ends
with 1 where page or tables differ from the files'. FILE.csv, of `bragg patterns convert`, is a measured pattern for Figure 2.
"""
import argparse
import html
import json
import pathlib
import re

import figures
from figures import NAMES, RECIPES, Result, interval_text

STYLE = """
:root { color-scheme: light dark; --page: #fbfbf9; --card: #fff; --ink: #1b2430; --soft: #5b6675; --rule: #dfe3e8; --grey: #8b95a3;
  --scnn: #3b74b9; --mlp: #d98324; --npcnn: #2f8f5b; --right: #17784a; --wrong: #b23a2e;
  --s0: #0072b2; --s1: #c98b00; --s2: #00815e; --s3: #b3568c; --s4: #3e93c4; --s5: #c25200; --s6: #6b7480; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --card: #181e26; --ink: #e7eaef; --soft: #a0aab8; --rule: #2d3540;
  --grey: #7d8897; --scnn: #74aeee; --mlp: #f0a95c; --npcnn: #5fca94; --right: #5fca94; --wrong: #f28b7f;
  --s0: #5aa9dd; --s1: #e9b949; --s2: #46c09a; --s3: #dd8fbc; --s4: #8ccbee; --s5: #f08a45; --s6: #a4adb8; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 "Segoe UI", Helvetica, Arial, "Liberation Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 36px 20px 64px; }
h1 { font-size: 1.7rem; margin: 0 0 6px; } h2 { font-size: 1.1rem; margin: 40px 0 8px; } p { max-width: 92ch; margin: 6px 0 12px; }
.soft, figcaption { color: var(--soft); font-size: 0.92rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 16px; overflow-x: auto; }
figcaption { margin-top: 8px; max-width: 110ch; }
svg { display: block; width: 100%; min-width: 720px; height: auto; }
text { font-size: 11px; fill: var(--ink); font-variant-numeric: tabular-nums; }
.tick, .axis-label { fill: var(--soft); } .strong { font-weight: 600; font-size: 12px; } .small { font-size: 9px; }
.inside { fill: var(--card); font-weight: 600; }
path { fill: none; } .axis { stroke: var(--grey); } .grid, .empty { stroke: var(--rule); } .empty { fill: none; }
.interval { stroke: var(--ink); stroke-width: 1.2; } .trace { stroke: var(--scnn); } .measured { stroke: var(--ink); }
.published { stroke: var(--ink); fill: var(--card); stroke-width: 1.4; } .right { fill: var(--right); } .wrong { fill: var(--wrong); }
.bubble { fill-opacity: 0.55; stroke: var(--card); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; } .scroll { overflow-x: auto; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--rule); } th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; } pre { overflow-x: auto; font-size: 0.85rem; }
"""
COLOURS = "".join(f".{name} {{ fill: var(--{name}); }} .line-{name} {{ stroke: var(--{name}); stroke-width: 1.6; }} "
                  f".thin-{name} {{ stroke: var(--{name}); stroke-opacity: 0.45; }}\n" for name in NAMES)
COLOURS += "".join(f".system{i} {{ fill: var(--s{i}); }}\n" for i in range(7))


def both(found):
    """System / space group, each with its interval."""
    return f"{interval_text(found['system'])} / {interval_text(found['space_group'])}" if found else ""


def accuracies(result):
    """Head and rows: networks by training sets, on all that they are asked about."""
    head = ["system / space group right (95 % interval)", "held out, own recipe", "held out, large", "rruff_dev, all",
            "rruff_dev, half by group", "magnetic", "the paper, RRUFF"]
    rows = []
    for recipe in RECIPES:
        for model in figures.MODELS:
            run = f"{model}_{recipe}"
            if run not in result.runs:
                continue
            own = "held_large" if recipe == "souping" else f"held_{recipe}"
            published = figures.PUBLISHED_RRUFF.get((model, recipe))
            rows.append([f"{NAMES[model]}, {recipe}",
                         *(both(result.asked(run, name)) for name in (own, "held_large", "rruff", "rruff_unseen_by_group", "magnetic")),
                         " / ".join(f"{100 * x:.0f} %" if x else "?" for x in published) if published else ""])
    some = next(iter(result.runs.values()))["sets"] if result.runs else {}
    if some:
        rows.append(["most frequent class", *(" / ".join(f"{100 * x:.1f} %" for x in some[name]["majority"]) if name in some else ""
                                              for name in ("held_large", "held_large", "rruff", "rruff_unseen_by_group", "magnetic")), ""])
    return head, rows


def leak(result):
    """Head and rows: what parting measured patterns by pattern does."""
    head = ["NPCNN; system / space group right", "half of rruff_dev by group", "half of rruff_dev by pattern"]
    rows = []
    for words, runs in (("large, no measured pattern in the training", ("npcnn_large", "npcnn_large")),
                        ("souping", ("npcnn_souping", "npcnn_souping_by_pattern"))):
        rows.append([words, *(both(result.asked(run, f"rruff_unseen_by_{by}")) for run, by in zip(runs, ("group", "pattern")))])
    nearest = [(result.asked(run, f"rruff_unseen_by_{by}") or {}).get("nearest_neighbour")
               for run, by in (("npcnn_souping", "group"), ("npcnn_souping_by_pattern", "pattern"))]
    rows.append(["nearest measured pattern of the other half, no learning", *map(both, nearest)])
    halves = (result.found["halves"][by] for by in ("group", "pattern"))
    rows.append(["patterns asked about, of these with a near-identical one in the training",
                 *(f"{half['unseen']}, {half['unseen_with_a_twin']}" for half in halves)])
    return head, rows


def trainings(result):
    """Head and rows: what each run took."""
    head = ["run", "minutes", "right in training, last tenth", "loss there"]
    return head, [[f"{NAMES[run['model']]}, {run['recipe']}{' by pattern' if run['halves'] == 'pattern' else ''}",
                   f"{run['training']['seconds'] / 60:.1f}",
                   f"{100 * run['training']['accuracy']:.1f} %", f"{run['training']['loss']:.2f}"] for run in result.found["runs"]]


def souping(result):
    """Head and rows: F1 and scaled lattices of the networks that measured patterns were trained on with."""
    head = ["souping; system / space group", "F1 on RRUFF, weighted", "macro", "F1 on magnetic, weighted", "macro",
            *(f"lattice at {scale} %" for scale in (80, 90, 100, 110, 120)), "the paper: F1; lattice at 80 %"]
    rows = []
    for model in figures.MODELS:
        run = f"{model}_souping"
        if run not in result.runs:
            continue
        f1 = [" / ".join(f"{x:.3f}" for x in result.asked(run, name)[kind]) for name in ("rruff_unseen_by_group", "magnetic")
              for kind in ("weighted_f1", "macro_f1")]
        lattice = [result.asked(run, f"lattice_{scale}") for scale in (80, 90, 100, 110, 120)]
        published = figures.PUBLISHED_LATTICE_80.get(model)
        rows.append([NAMES[model], *f1,
                     *(" / ".join(f"{100 * found[question][0]:.1f}" for question in ("system", "space_group")) if found else ""
                       for found in lattice), f"{figures.PUBLISHED_F1[model]}; {f'{100 * published:.0f} %' if published else '?'}"])
    return head, rows


TABLES = {"accuracies": accuracies, "souping": souping, "leak": leak, "trainings": trainings}


def html_table(head, rows):
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class=\"scroll\"><table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>{cells}</table></div>"


def markdown_table(head, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def with_tables(result, text):
    """A text with its tables as the result has them; throws for a name that is none of them."""
    def replaced(found):
        return f"{found[1]}\n{markdown_table(*TABLES[found[2]](result))}<!-- bench/paper end -->"

    return re.sub(r"(<!-- bench/paper (?!end)(\w+) -->)\n.*?<!-- bench/paper end -->", replaced, text, flags=re.DOTALL)


def settings(what):
    """In words, what was the same for all."""
    words = [f"Adam at {what['learning_rate']:g}", f"batch {what['batch']}", what["precision"]]
    for key in ("width", "dropout"):
        if what[key] != 1:
            words.insert(0, f"{key} {what[key]:g} times the paper's")
    return ", ".join(words)


def page(result, measured):
    what = result.found["what"]
    sections = []
    for draw in figures.FIGURES:
        heading, drawing, caption = draw(result, measured) if draw is figures.pattern_and_simulation else draw(result)
        sections.append(f"<h2>{html.escape(heading)}</h2>\n<figure>{drawing}<figcaption>{html.escape(caption)}</figcaption></figure>")
    title = f"The paper's system, {result.patterns:,} patterns a network"
    lead = (f"SCNN, NPCNN and MLP of Salgado et al. (npj Comput. Mater. 9, 214, 2023), one setting for all: {settings(what)}. Each was "
            f"trained on {result.patterns:,} simulated patterns, drawn as they were needed; the paper's large set has 1.2 million, and "
            "how often they are gone through is not said. No structure that is asked about was in a training.")
    stamp = f"{what['bragg']}, {what['processor']}, {what['threads']} thread, {what['date']}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>
<style>{STYLE}{COLOURS}</style></head><body><main>
<h1>{html.escape(title)}</h1>
<p>{html.escape(lead)}</p><p class="soft">{html.escape(stamp)}. Made by bench/paper/page.py.</p>
{chr(10).join(sections)}
<h2>All accuracies, {result.trained()}</h2>
{html_table(*accuracies(result))}
<h2>The leak: souping with measured patterns parted by group and by pattern, {result.trained()}</h2>
{html_table(*leak(result))}
<h2>F1 and scaled lattices, {result.trained()}</h2>
{html_table(*souping(result))}
<h2>The trainings</h2>
{html_table(*trainings(result))}
<pre>{html.escape(what['config'])}</pre>
</main></body></html>
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=pathlib.Path)
    parser.add_argument("page", type=pathlib.Path, nargs="?")
    parser.add_argument("--measured", type=pathlib.Path)
    parser.add_argument("--tables", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    result = Result(json.loads(arguments.result.read_text()))
    if not arguments.page and not arguments.tables:
        parser.error("PAGE or --tables")
    files = {}
    if arguments.page:
        files[arguments.page] = page(result, arguments.measured)
    if arguments.tables:
        files[arguments.tables] = with_tables(result, arguments.tables.read_text())
    for path, text in files.items():
        if not arguments.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            raise SystemExit(f"{path} is not what {arguments.result} says; without --check it is written")


if __name__ == "__main__":
    main()
