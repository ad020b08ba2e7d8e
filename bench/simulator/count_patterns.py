#!/usr/bin/env python3
"""What drawing patterns takes on an H100 by counts: the instructions of render_pattern's loops in the machine code for sm_90a, times how
often a warp goes through each for the crystals of a set, on set 1 and on `realistic`, whose parameters are drawn here as the recipe has
them.

    bench/simulator/count_patterns.py build/release/bragg SET.safetensors [--crystals 400] [--least 0] [--most 1000000000]

--least, --most: reflections of the crystals that are counted. Needs numpy."""
import argparse
import json
import subprocess

import numpy as np

CLOCKS_PER_S, MULTIPROCESSORS = 1.755e9, 132
PER_CLOCK = 4 * 0.7                # instructions that a multiprocessor's four schedulers start
POINTS, STEP, START, END = 8500, 0.01, 5.0, 90.0
THREADS, INTERVAL, LANES = 512, 64, 32
PROFILE_CUT, TAIL_CUT = 2.2322392663715607, 3e-4  # kernels/crystal/pattern_problem.h

# Instructions of a warp, counted along the longest way (cuobjdump -sass of render_pattern<BFloat16, 8>, nvcc 13.0.88); `before`: with
# texture in double precision for every line, and lines made whole twice where there are several pieces.
NOW = {"line": 670, "line searched": 420, "axis": 21, "axes shared": True}
BEFORE = {"line": 1030, "line searched": 1030, "axis": 72, "axes shared": False}
SORT = 607        # a piece
GAUSSIAN = 17.5   # a line and an interval of 64 points, of one profile
PROFILE = 38      # the same with tails
LOOKED_AT = 25    # 32 lines, whether they reach an interval
BACKGROUND, NOISE, NO_BACKGROUND = 229, 392, 224  # four points to a lane: added; noise; what lies under the pattern taken away
STORE, ROOT = 70, 188                             # eight points to a lane, the latter with a root
WINDOWS = 10e3    # minimum, maximum and mean over windows of 41 of 850 bins
REST = 10e3       # zeros, maxima, parameters, barriers


def rotations(number):
    """Proper ones of the Laue class of a space group."""
    for last, count in ((2, 1), (15, 2), (74, 4), (88, 4), (142, 8), (148, 3), (167, 6), (176, 6), (194, 12), (206, 12)):
        if number <= last:
            return count
    return 24


def pseudo_voigt(g, l):
    h = (g**5 + 2.69269 * g**4 * l + 2.42843 * g**3 * l**2 + 4.47163 * g**2 * l**3 + 0.07842 * g * l**4 + l**5) ** 0.2
    r = l / h
    return h, r * (1.36603 + r * (-0.47719 + r * 0.11116))


class Lines:
    """Of one crystal at one draw of a recipe, in grid steps."""

    def __init__(self, crystal, is_realistic, rng):
        d = np.array([r["d"] for r in crystal["reflections"]])
        strength = np.array([r["multiplicity"] * r["f2"] for r in crystal["reflections"]])
        self.rotations = rotations(crystal["space_group"])
        doublet = is_realistic and rng.random() < 0.85
        ratio = rng.uniform(0, 0.5) if doublet else 0
        waves = ((1.54056, 1 / (1 + ratio)), (1.54439, ratio / (1 + ratio))) if doublet else ((1.54184, 1),)
        w = np.exp(rng.uniform(np.log(0.0004), np.log(0.0036))) if is_realistic else 0.013  # lines of 26 points in set 1
        size = np.exp(rng.uniform(np.log(70), np.log(2000))) if is_realistic else np.inf
        strain = np.exp(rng.uniform(np.log(2e-5), np.log(1e-3))) if is_realistic else 0
        self.is_textured = is_realistic and rng.random() < 0.7
        self.tails, self.per_reflection, self.reflections = is_realistic, len(waves), len(d)
        parts = []
        for wave, share in waves:
            s = wave / 2 / d[d > wave / 2]
            c = np.sqrt(1 - s * s)
            h, eta = pseudo_voigt(np.sqrt(w), np.degrees(0.9 * wave / (10 * size) / c + 4 * strain * s / c))
            area = share * strength[d > wave / 2] * (1 + (1 - 2 * s * s) ** 2) / (c * s * s) * 2 / h
            parts.append(((2 * np.degrees(np.arcsin(s)) - START) / STEP, 2 * STEP / h, 0.3183 * eta * area,
                          (0.4697 * (1 - eta) + 0.3183 * eta) * area))
        self.at, sharpness, lorentz, height = (np.concatenate(column) for column in zip(*parts))
        reach = np.full(len(self.at), 2 * PROFILE_CUT)
        if self.tails and len(height):
            reach = np.maximum(reach, np.sqrt(np.maximum(0, lorentz / (TAIL_CUT * height.max()) - 1)))
        self.reach = reach / sharpness

    def instructions(self, code):
        lines, at_once = self.reflections * self.per_reflection, THREADS // self.per_reflection
        pieces = -(-self.reflections // at_once)
        warps = lines / LANES
        axes = self.rotations if self.is_textured else 0
        if code["axes shared"] and self.per_reflection == 2:
            axes = np.ceil(axes / 2)
        texture = axes * code["axis"]
        made = warps * (code["line"] + texture)
        if self.tails and pieces > 1:
            made += warps * (code["line searched"] + texture)
        farthest = self.reach.max(initial=0)
        begins = np.arange(0, POINTS, INTERVAL)[:, None]
        near = ((self.at >= begins - farthest) & (self.at < begins + INTERVAL + farthest)).sum(axis=1)
        if self.tails:
            first = np.floor(np.maximum(self.at - self.reach, 0) / INTERVAL)
            last = np.floor(np.minimum(self.at + self.reach, POINTS - 1) / INTERVAL)
            drawn = PROFILE * np.maximum(0, last - first + 1).sum() + LOOKED_AT * np.ceil(near / LANES).sum()
        else:
            drawn = GAUSSIAN * near.sum()
        return made, pieces * THREADS / LANES * SORT, drawn


def of_points(is_realistic):
    groups = POINTS / 4 / LANES
    if not is_realistic:
        return groups * (NOISE / 4 + BACKGROUND / 4) + POINTS / 8 / LANES * STORE + REST
    return groups * (BACKGROUND + NOISE + NO_BACKGROUND) + POINTS / 8 / LANES * ROOT + WINDOWS + REST


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bragg")
    parser.add_argument("set")
    parser.add_argument("--crystals", type=int, default=400)
    parser.add_argument("--least", type=int, default=0)
    parser.add_argument("--most", type=int, default=10**9)
    options = parser.parse_args()
    listing = subprocess.run([options.bragg, "simulate", options.set, "--reflections", "--json"], check=True, capture_output=True, text=True)
    rng = np.random.default_rng(1)
    crystals = [json.loads(line) for line in listing.stdout.splitlines()]
    crystals = [c for c in crystals if options.least <= len(c["reflections"]) <= options.most]
    chosen = [crystals[i] for i in rng.permutation(len(crystals))[:options.crystals]]
    print(f"{len(chosen)} of {len(crystals)} crystals, {np.mean([len(c['reflections']) for c in chosen]):.0f} reflections on an average")
    print("1,000 instructions of a warp, mean: recipe, code, lines made, sorted, drawn, points; million patterns/s on an H100")
    for is_realistic in (False, True):
        lines = [Lines(crystal, is_realistic, rng) for crystal in chosen]
        for name, code in (("before", BEFORE), ("now", NOW)):
            parts = np.mean([of.instructions(code) for of in lines], axis=0) * (1.1 if is_realistic else 1)  # an impurity in one of ten
            points = of_points(is_realistic)
            rate = MULTIPROCESSORS * CLOCKS_PER_S * PER_CLOCK / (parts.sum() + points) / 1e6
            print(f"{'realistic' if is_realistic else 'set 1':10} {name:7}" + "".join(f"{part / 1e3:8.1f}" for part in (*parts, points)) +
                  f"{rate:8.2f}")


if __name__ == "__main__":
    main()
