"""Plots as inline SVG whose colours are the page's variables, so that they are right on light and on dark ground."""
import collections
import html

SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
LAST_GROUP = (2, 15, 74, 142, 167, 194, 230)  # of each system


def system_of(space_group):
    return next(i for i, last in enumerate(LAST_GROUP) if space_group <= last)


def number(x):
    return f"{x:.2f}".rstrip("0").rstrip(".")


class Drawing:
    """Elements in the order in which they are drawn; y goes down."""

    def __init__(self, width, height, title):
        self.width, self.height, self.parts = width, height, [f"<title>{html.escape(title)}</title>"]

    def text(self, x, y, words, css="", anchor="start", turned=False):
        turn = f' transform="rotate(-90 {number(x)} {number(y)})"' if turned else ""
        place = f'x="{number(x)}" y="{number(y)}" class="{css}" text-anchor="{anchor}"{turn}'
        self.parts.append(f"<text {place}>{html.escape(str(words))}</text>")

    def line(self, x1, y1, x2, y2, css):
        self.parts.append(f'<path d="M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}" class="{css}"/>')

    def rect(self, x, y, width, height, css, note="", opacity=None):
        faint = f' fill-opacity="{number(opacity)}"' if opacity is not None else ""
        inner = f"<title>{html.escape(note)}</title>" if note else ""
        self.parts.append(f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(0, width))}" height="{number(max(0, height))}" '
                          f'class="{css}"{faint}>{inner}</rect>')

    def circle(self, x, y, radius, css, note=""):
        inner = f"<title>{html.escape(note)}</title>" if note else ""
        self.parts.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" class="{css}">{inner}</circle>')

    def polyline(self, points, css):
        self.parts.append(f'<path d="M{"L".join(f"{number(x)} {number(y)}" for x, y in points)}" class="{css}"/>')

    def diamond(self, x, y, css, note=""):
        inner = f"<title>{html.escape(note)}</title>" if note else ""
        self.parts.append(f'<path d="M{number(x - 5)} {number(y)}l5 -5 5 5 -5 5z" class="{css}">{inner}</path>')

    def whole(self):
        return f'<svg viewBox="0 0 {self.width} {self.height}" role="img">{"".join(self.parts)}</svg>'


class Axes:
    """A rectangle of a drawing with scales: x from `x_range`, y from `y_range` upwards."""

    def __init__(self, drawing, box, x_range, y_range):
        self.drawing, self.box, self.x_range, self.y_range = drawing, box, x_range, y_range

    def x(self, value):
        left, _, width, _ = self.box
        return left + width * (value - self.x_range[0]) / (self.x_range[1] - self.x_range[0])

    def y(self, value):
        _, top, _, height = self.box
        return top + height * (1 - (value - self.y_range[0]) / (self.y_range[1] - self.y_range[0]))

    def grid(self, values, label):
        left, _, width, _ = self.box
        for value in values:
            self.drawing.line(left, self.y(value), left + width, self.y(value), "axis" if value == self.y_range[0] else "grid")
            self.drawing.text(left - 6, self.y(value) + 4, label(value), "tick", "end")

    def ticks(self, values, label):
        _, top, _, height = self.box
        for value in values:
            self.drawing.line(self.x(value), top + height, self.x(value), top + height + 4, "axis")
            self.drawing.text(self.x(value), top + height + 16, label(value), "tick", "middle")

    def title(self, words):
        self.drawing.text(self.box[0], self.box[1] - 12, words, "strong")

    def under(self, words):
        left, top, width, height = self.box
        self.drawing.text(left + width / 2, top + height + 33, words, "axis-label", "middle")

    def interval(self, x, low, high, css):
        self.drawing.line(x, self.y(low), x, self.y(high), css)


def percent(value):
    return f"{100 * value:.0f} %"


def bars(axes, clusters, colours):
    """clusters: (name, [(value or [value, low, high] or None, note, published or None)], one for each of `colours`)."""
    axes.grid([0, 0.2, 0.4, 0.6, 0.8, 1], percent)
    left, top, width, height = axes.box
    slot = width / len(clusters)
    bar = 0.8 * slot / len(colours)
    for c, (name, values) in enumerate(clusters):
        axes.drawing.text(left + (c + 0.5) * slot, top + height + 16, name, "tick", "middle")
        for k, (found, note, published) in enumerate(values):
            x = left + c * slot + 0.1 * slot + k * bar
            if found is not None:
                value = found[0] if isinstance(found, list) else found
                axes.drawing.rect(x + 1, axes.y(value), bar - 2, top + height - axes.y(value), colours[k], note)
                if isinstance(found, list):
                    axes.interval(x + bar / 2, found[1], found[2], "interval")
                over = axes.y(found[2] if isinstance(found, list) else value) - 4
                axes.drawing.text(x + bar / 2, over, f"{100 * value:.0f}", "small", "middle")
            if published is not None:
                axes.drawing.diamond(x + bar / 2, axes.y(published), "published", f"the paper: {100 * published:.0f} %")


def matrix(drawing, left, top, cell, names, counts, words):
    """counts[(true, predicted)] over names x names; a cell is as dark as its share of the row."""
    drawing.text(left, top - 30, words, "strong")
    totals = collections.Counter()
    for (true, _), count in counts.items():
        totals[true] += count
    for i, true in enumerate(names):
        drawing.text(left + (i + 0.5) * cell, top - 6, true, "tick", "middle")
        drawing.text(left - 6, top + (i + 0.5) * cell + 4, true, "tick", "end")
        for j, predicted in enumerate(names):
            count = counts.get((true, predicted), 0)
            drawing.rect(left + j * cell, top + i * cell, cell - 1, cell - 1, "empty")
            if count:
                share = count / totals[true]
                note = f"{true}, answered {predicted}: {count} of {totals[true]}"
                drawing.rect(left + j * cell, top + i * cell, cell - 1, cell - 1, "right" if i == j else "wrong", note, 0.15 + 0.75 * share)
                drawing.text(left + (j + 0.5) * cell - 0.5, top + (i + 0.5) * cell + 3.5, count, "small", "middle")
    size = len(names) * cell
    drawing.text(left + size / 2, top + size + 16, "answered", "axis-label", "middle")
    drawing.text(left - 40, top + size / 2, "true", "axis-label", "middle", True)
