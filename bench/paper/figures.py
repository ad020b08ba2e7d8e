"""The paper's figures, drawn from the result of bench/paper/run.py: each a function from the result to (heading, SVG, caption)."""
import math
import re

from svg import Axes, Drawing, LAST_GROUP, SYSTEMS, bars, matrix, percent, system_of

MODELS = ("scnn", "mlp", "npcnn")  # in the paper's order
NAMES = {"scnn": "SCNN", "mlp": "MLP", "npcnn": "NPCNN"}
RECIPES = ("baseline", "mixed", "large", "souping")
QUESTIONS = (("system", "crystal system (7)"), ("space_group", "space group (230)"))

# Salgado et al. 2023, "Results", as (crystal system, space group); what the text gives no number of is None.
PUBLISHED_RRUFF = {("scnn", "baseline"): (0.12, 0.12), ("mlp", "baseline"): (0.22, 0.17), ("scnn", "mixed"): (0.35, 0.22),
                   ("mlp", "mixed"): (0.64, 0.53), ("scnn", "large"): (0.40, 0.28), ("mlp", "large"): (0.67, None),
                   ("npcnn", "large"): (0.74, 0.66), ("npcnn", "souping"): (0.86, 0.77)}
PUBLISHED_MAGNETIC = {"mlp": (0.54, 0.25), "scnn": (0.75, 0.45), "npcnn": (0.67, 0.36)}
PUBLISHED_F1 = {"npcnn": 0.859, "mlp": 0.753, "scnn": 0.568}
PUBLISHED_LATTICE_80 = {"mlp": 0.88, "npcnn": 0.94}


class Result:
    def __init__(self, found):
        self.found = found
        self.runs = {run["name"]: run for run in found["runs"]}
        self.patterns = found["what"]["patterns"]

    def asked(self, run, name):
        """What a run got of a set, or None."""
        return self.runs.get(run, {"sets": {}})["sets"].get(name)

    def trained(self):
        """Stands in every title."""
        width = self.found["what"]["width"]
        return f"{self.patterns:,} patterns each" + (f", {width:g} of the paper's widths" if width != 1 else "")


def interval_text(found):
    return f"{100 * found[0]:.1f} % ({100 * found[1]:.0f}..{100 * found[2]:.0f})"


def legend(drawing, x, y, published=True):
    for model in MODELS:
        drawing.rect(x, y - 9, 11, 11, model)
        drawing.text(x + 16, y, NAMES[model], "tick")
        x += 72
    if published:
        drawing.diamond(x, y - 4, "published")
        drawing.text(x + 16, y, "the paper's number, its own data and training", "tick")


def two_panels(result, title, clusters_of, published=True):
    """Bars of the three networks, left crystal systems, right space groups; clusters_of(question) as svg.bars takes them."""
    drawing = Drawing(1000, 330, title)
    for k, (question, words) in enumerate(QUESTIONS):
        axes = Axes(drawing, (50 + 500 * k, 50, 430, 220), (0, 1), (0, 1))
        bars(axes, clusters_of(k, question), MODELS)
        axes.title(words)
    legend(drawing, 50, 316, published)
    return drawing.whole()


def cell(result, run, name, question, published):
    found = result.asked(run, name)
    if not found:
        return None, "", published
    note = f"{run}: {interval_text(found[question])} of {found['patterns']}"
    return found[question], note, published


def class_distributions(result):
    drawing = Drawing(1000, 340, "Crystal systems of the sets")
    names = {"training": "training structures", "held": "held-out structures", "rruff": "measured (rruff_dev)",
             "magnetic": "held out, magnetic elements"}
    for row, (name, words) in enumerate(names.items()):
        classes = {int(group): count for group, count in result.found["classes"][name].items()}
        total, top, x = sum(classes.values()), 34 + 72 * row, 0
        drawing.text(0, top - 8, f"{words}: {total:,}", "strong")
        for system, last in enumerate(LAST_GROUP):
            count = sum(n for group, n in classes.items() if system_of(group) == system)
            width = 960 * count / total
            drawing.rect(x, top, width - 1, 26, f"system{system}", f"{SYSTEMS[system]}: {count:,}")
            if width > 92:
                drawing.text(x + width / 2, top + 17, f"{SYSTEMS[system]} {count / total:.0%}", "inside", "middle")
            x += width
        most = sorted(classes.items(), key=lambda entry: -entry[1])[:8]
        drawing.text(0, top + 42, "most frequent space groups: " + ", ".join(f"{group} ({count / total:.1%})" for group, count in most),
                     "tick")
    for system, words in enumerate(SYSTEMS):
        drawing.rect(135 * system, 324, 11, 11, f"system{system}")
        drawing.text(135 * system + 16, 334, words, "tick")
    return ("Figure 1. Class distributions", drawing.whole(),
            "Training structures are those of minerals_rest and others_rest; what is held out is data/held_out.tsv, by structure and "
            "structure type. Trigonal is missing among the measured patterns, as in the paper's RRUFF set.")


def rows_of(path):
    """(2 theta, intensity) of a table whose other lines are no numbers."""
    found = re.findall(r"^([\d.]+),([-+\d.eE]+)", path.read_text(), re.MULTILINE)
    return [(float(x), float(y)) for x, y in found]


def pattern_and_simulation(result, measured=None):
    example = result.found["example"]
    curves = dict(example["patterns"])
    if measured:
        curves["measured"] = [(x, y) for x, y in rows_of(measured) if example["start"] <= x <= 60][::3]
    drawing = Drawing(1000, 60 + 92 * len(curves), "Patterns of one structure")
    for row, (name, values) in enumerate(curves.items()):
        points = values if name == "measured" else [(example["start"] + i * example["step"], y) for i, y in enumerate(values)]
        most = max(y for _, y in points)
        axes = Axes(drawing, (10, 14 + 92 * row, 980, 78), (5, 60), (0, most * 1.02))
        drawing.polyline([(axes.x(x), axes.y(max(0, y))) for x, y in points], "measured" if name == "measured" else "trace")
        drawing.line(10, 92 + 92 * row, 990, 92 + 92 * row, "axis")
        drawing.text(980, 34 + 92 * row, name, "strong", "end")
    axes.ticks(range(10, 61, 10), lambda value: value)
    axes.under("2 theta, degrees")
    caption = (f"{example['structure']} of data/crystals by three of the paper's seven sets and, for comparison, by recipe realistic. ")
    caption += "The last curve is measured." if measured else (
        "A measured pattern is no part of the project: bench/paper/page.py --measured FILE.csv draws one below.")
    return "Figure 2. Pattern against simulation", drawing.whole(), caption


def measured_accuracy(result):
    def clusters(k, question):
        for recipe in RECIPES:
            set_name = "rruff_unseen_by_group" if recipe == "souping" else "rruff"
            yield recipe, [cell(result, f"{model}_{recipe}", set_name, question, PUBLISHED_RRUFF.get((model, recipe), (None, None))[k])
                           for model in MODELS]
    return (f"Figure 4. Measured patterns, by network and training set, {result.trained()}",
            two_panels(result, "Accuracy on rruff_dev", lambda k, question: list(clusters(k, question))),
            "Bars: rruff_dev, lines the 95 % interval over groups of near-identical patterns. baseline, mixed and large have no measured "
            "pattern in the training and are asked about all of them; souping has half of them, by whole groups, and is asked about the "
            "other half. The paper does not say that it kept near-identical patterns together: what that does is the leak below.")


def held_out_accuracy(result):
    def clusters(question):
        for recipe in ("baseline", "mixed", "large"):
            yield f"{recipe}, own patterns", [cell(result, f"{model}_{recipe}", f"held_{recipe}", question, None) for model in MODELS]
    return (f"Figure 4, continued. Structures never seen, by network and training set, {result.trained()}",
            two_panels(result, "Accuracy on held-out structures", lambda _, question: list(clusters(question)), published=False),
            "One simulated pattern of every structure of data/held_out.tsv, drawn by the recipe that the network was trained by. The "
            "paper's 96 % (systems) and 94 % (groups) on simulated patterns are of structures that it trained on.")


def confusion(result):
    drawing = Drawing(1000, 1010, "Confusion of space groups and crystal systems")
    for k, (name, words) in enumerate((("rruff_unseen_by_group", "rruff_dev, half not seen"), ("magnetic", "magnetic elements"))):
        found = result.asked("npcnn_souping", name)
        if not found:
            continue
        counts = {(true, predicted): count for true, predicted, count in found["confusion"]}
        matrix(drawing, 50 + 500 * k, 50, 23, range(1, 20), counts, f"{words}: space groups 1 to 19")
        systems = {(SYSTEMS[t][:5], SYSTEMS[p][:5]): count for t, row in enumerate(found["system_confusion"])
                   for p, count in enumerate(row) if count}
        matrix(drawing, 50 + 500 * k, 590, 54, [system[:5] for system in SYSTEMS], systems, f"{words}: crystal systems")
    return (f"Figure 5. Confusion of NPCNN with souping, {result.trained()}", drawing.whole(),
            "A cell has the count and is as dark as its share of the row; answers outside of 1 to 19 are counted in the row and not shown.")


def magnetic_accuracy(result):
    def clusters(k, question):
        for recipe in RECIPES:
            yield recipe, [cell(result, f"{model}_{recipe}", "magnetic", question,
                                PUBLISHED_MAGNETIC[model][k] if recipe == "souping" else None) for model in MODELS]
    return (f"Figure 6. Magnetic elements, by network and training set, {result.trained()}",
            two_panels(result, "Accuracy on structures with magnetic elements", lambda k, question: list(clusters(k, question))),
            "Held-out structures with V to Cu or Ce to Yb, drawn by large, in place of the paper's 2,253 entries of the Materials "
            "Project, whose list is not public; so the paper's numbers are of other structures.")


def lattice_curve(result):
    drawing = Drawing(1000, 340, "Accuracy against the size of the cell")
    for k, (question, words) in enumerate(QUESTIONS):
        axes = Axes(drawing, (50 + 500 * k, 50, 430, 220), (79, 121), (0, 1))
        axes.grid([0, 0.2, 0.4, 0.6, 0.8, 1], percent)
        axes.ticks(range(80, 121, 10), lambda value: f"{value} %")
        axes.title(words)
        axes.under("edges of the cell")
        for shift, model in enumerate(MODELS):
            points = [(scale + 0.3 * (shift - 1), result.asked(f"{model}_souping", f"lattice_{scale}")) for scale in range(80, 121, 2)]
            points = [(scale, found[question]) for scale, found in points if found]
            for scale, (_, low, high) in points:
                axes.interval(axes.x(scale), low, high, f"thin-{model}")
            if points:
                drawing.polyline([(axes.x(scale), axes.y(found[0])) for scale, found in points], f"line-{model}")
            for scale, found in points:
                drawing.circle(axes.x(scale), axes.y(found[0]), 2.4, model, f"{NAMES[model]}, {scale:.0f} %: {interval_text(found)}")
            if question == "system" and model in PUBLISHED_LATTICE_80:
                drawing.diamond(axes.x(80), axes.y(PUBLISHED_LATTICE_80[model]), "published", f"the paper, {NAMES[model]}")
    legend(drawing, 50, 332)
    found = result.asked("npcnn_souping", "lattice_100")
    return (f"Figure 7. Cubic structures at 80 to 120 % of their edges, souping, {result.trained()}", drawing.whole(),
            f"{found['patterns'] if found else 'The'} held-out cubic structures at each size, recipe lattice; lines the 95 % interval. "
            "The paper scales all 29,000 cubic structures of its training set; it gives numbers at 80 % for MLP (88 %) and NPCNN (94 %).")


def f1_scores(result):
    kinds = (("weighted_f1", "weighted"), ("macro_f1", "macro"))

    def clusters(k):
        for name, words in (("rruff_unseen_by_group", "RRUFF"), ("magnetic", "magnetic")):
            for kind, how in kinds:
                row = []
                for model in MODELS:
                    found = result.asked(f"{model}_souping", name)
                    is_published = (name, kind, k) == ("rruff_unseen_by_group", "weighted_f1", 0)
                    published = PUBLISHED_F1[model] if is_published else None
                    row.append((found[kind][k] if found else None, f"{NAMES[model]}: {found[kind][k]}" if found else "", published))
                yield f"{words}, {how}", row
    return (f"Figure 8. F1, souping, {result.trained()}", two_panels(result, "F1", lambda k, _: list(clusters(k))),
            "The mean of the classes' F1, weighted by their patterns, and with all classes alike (macro); times 100. The paper does "
            "not say which mean or which classes its 0.859, 0.753 and 0.568 are of; they are near its accuracies of systems and stand there.")


def accuracy_against_count(result):
    found = result.asked("scnn_souping", "magnetic")
    drawing = Drawing(1000, 400, "Accuracy of space groups against their count in the training")
    axes = Axes(drawing, (50, 30, 920, 290), (0, 4.3), (-0.03, 1.05))
    axes.grid([0, 0.2, 0.4, 0.6, 0.8, 1], percent)
    axes.ticks([0, 1, 2, 3, 4], lambda value: f"{10 ** value:,}")
    axes.under("structures of the space group in the training")
    training = {int(group): count for group, count in result.found["classes"]["training"].items()}
    classes = {int(group): entry for group, entry in found["per_class"].items()} if found else {}
    for group, (count, _, right) in sorted(classes.items(), key=lambda entry: -entry[1][0]):
        if not count:
            continue
        x, y = axes.x(math.log10(max(1, training.get(group, 0)))), axes.y(right / count)
        note = f"space group {group} ({SYSTEMS[system_of(group)]}): {right} of {count} right, {training.get(group, 0):,} in the training"
        drawing.circle(x, y, 2 + 1.6 * math.sqrt(count), f"bubble system{system_of(group)}", note)
        if count >= 20:
            drawing.text(x, y + 4, group, "small", "middle")
    for system, words in enumerate(SYSTEMS):
        drawing.rect(50 + 130 * system, 374, 11, 11, f"system{system}")
        drawing.text(50 + 130 * system + 16, 384, words, "tick")
    return (f"Figure 9. Accuracy against class count, SCNN with souping, {result.trained()}", drawing.whole(),
            "Structures with magnetic elements. A circle is a space group: its area grows with the patterns that are asked about, its "
            "place with how many structures of it were trained on. The paper has the space group's number on x and the count as the size.")


FIGURES = (class_distributions, pattern_and_simulation, measured_accuracy, held_out_accuracy, confusion, magnetic_accuracy,
           lattice_curve, f1_scores, accuracy_against_count)
