#!/usr/bin/env python3
"""How often a network is right of structures that it was not trained on, by how near a relative the nearest structure is that it
was trained on.

    bench/identify/by_relative.py build/release/bragg HELD.safetensors PATTERNS.safetensors TRAINED.safetensors ... [--model M]

PATTERNS has one pattern of each crystal of HELD, in their order (`bragg simulate`). A relative has the same space group (mirror
images are one) and, sorted, edges within 4 %; of several it is the one whose composition is nearest: half the sum of the differences
of the elements' shares of the atoms, hydrogen left out. Needs numpy.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "paper"))
from fit_ranking import MERGED, SYSTEM
from pattern_sets import Set

ELEMENTS = 120
SAME_EDGES = 0.04
KINDS = ((0.05, "the same but for 5 % of the atoms"), (0.2, "... 20 %"), (0.5, "... 50 %"),
         (1.01, "more than half of the atoms are others"), (np.inf, "no relative"))
SYSTEM_NAMES = "triclinic monoclinic orthorhombic tetragonal trigonal hexagonal cubic".split()


class Crystals:
    def __init__(self, path):
        crystals = Set(path)
        number = np.array(crystals.space_groups()) - 1
        self.space_group = MERGED[number]
        self.crystal_system = np.array(SYSTEM_NAMES)[SYSTEM[number]]
        self.edges = np.sort(np.array(crystals.numbers("cell")).reshape(-1, 6)[:, :3], axis=1)
        ends = crystals.numbers("site_offset")
        crystal = np.repeat(np.arange(len(self.edges)), np.diff(ends))
        atoms = np.array(crystals.numbers("site_multiplicity")) * np.array(crystals.numbers("site_occupancy"))
        element = np.array(crystals.numbers("site_atomic_number"))
        self.shares = np.bincount(ELEMENTS * crystal + element, atoms, ELEMENTS * len(self.edges)).reshape(-1, ELEMENTS)
        hydrogen_alone = self.shares[:, 1] == self.shares.sum(1)
        self.shares[~hydrogen_alone, 1] = 0
        self.shares /= self.shares.sum(1, keepdims=True)


def distances(held, trained):
    """Of each held-out crystal to the nearest relative among the others; infinite without one."""
    result = np.full(len(held.edges), np.inf)
    for i in range(len(result)):
        of_group = np.flatnonzero(trained.space_group == held.space_group[i])
        alike = of_group[(np.abs(held.edges[i] / trained.edges[of_group] - 1) < SAME_EDGES).all(1)]
        if len(alike):
            result[i] = np.abs(trained.shares[alike] - held.shares[i]).sum(1).min() / 2
    return result


def answers(bragg, patterns, model):
    """What the network names of each pattern: the space group as Crystals has it, the crystal system; -1 and "" where it is refused."""
    command = [bragg, "predict", patterns, "--json", "--top", "1"] + (["--model", model] if model else [])
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)  # fails where it refuses one of them; main() counts
    answered = [json.loads(line) for line in run.stdout.splitlines()]
    groups = [MERGED[a["space_group"][0]["number"] - 1] if not a["refused"] else -1 for a in answered]
    systems = [a["crystal_system"][0]["name"] if not a["refused"] else "" for a in answered]
    return np.array(groups), np.array(systems)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bragg")
    arguments.add_argument("held")
    arguments.add_argument("patterns")
    arguments.add_argument("trained", nargs="+")
    arguments.add_argument("--model")
    options = arguments.parse_args()
    held = Crystals(options.held)
    distance = np.min([distances(held, Crystals(path)) for path in options.trained], axis=0)
    group, system = answers(options.bragg, options.patterns, options.model)
    if len(group) != len(distance):
        raise SystemExit(f"{options.patterns}: {len(group)} patterns, but {options.held} has {len(distance)} crystals")
    group_right, system_right = group == held.space_group, system == held.crystal_system
    print("| nearest relative | crystals | crystal system / space group right, % |\n|---|---|---|")
    least = -1.0
    for most, name in KINDS:
        part = (distance > least) & (distance <= most)
        if part.any():
            print(f"| {name} | {part.sum()} | {100 * system_right[part].mean():.1f} / {100 * group_right[part].mean():.1f} |")
        least = most


if __name__ == "__main__":
    main()
