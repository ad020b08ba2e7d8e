#!/usr/bin/env python3
"""Patterns of two phases, one of them minor, as files with the labels that `bragg evaluate --mixtures` reads.

    bench/identify/minor_phase.py build/release/bragg calcite.cif zincite.cif OUT [--share 0.03] [--count 100] [--seed 1]
    bragg evaluate --mixtures OUT/labels.tsv [--elements-given]

Each phase is drawn by the recipe `realistic` without its background and noise, with the same instrument's and the sample's effects;
the two are added by weight (an intensity is proportional to weight / (volume of the cell x its mass): Hill and Howard 1987, J. Appl.
Cryst. 20, 467), then get one background and the recipe's noise. Needs numpy and gemmi (for the mass and volume of the cells).
"""
import argparse
import json
import pathlib
import re
import subprocess
import tempfile

import gemmi
import numpy as np

NOT_OF_A_PHASE = "impurity air_scatter chebyshev hump floor poisson gaussian cut_low cut_high".split()
START, STEP, END = 5.0, 0.02, 90.0


def output_of(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


def recipe_of_a_phase(bragg):
    text = output_of(bragg, "recipe", "show", "realistic")
    for effect in NOT_OF_A_PHASE:
        text = re.sub(rf"^{effect} = .*$", f"{effect} = 0", text, flags=re.MULTILINE)
    text = re.sub(r"^background_window = .*$", "background_window = 0", text, flags=re.MULTILINE)
    return re.sub(r"^square_root = .*$", "square_root = false", text, flags=re.MULTILINE)


def two_dimensional(path):
    """The one matrix of a file of safetensors."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and len(entry["shape"]) == 2 and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            return np.frombuffer(data[8 + size + begin:8 + size + end], "<f4").reshape(entry["shape"]).astype(float)
    raise SystemExit(f"{path}: no patterns")


def drawn(bragg, cif, count, seed, folder):
    """Patterns whose points add up to the intensity of a gram in units that all structures share."""
    recipe, patterns = folder / "phase.toml", folder / "phase.safetensors"
    recipe.write_text(recipe_of_a_phase(bragg))
    output_of(bragg, "simulate", cif, "--recipe", recipe, "--count", count, "--seed", seed, "--step", STEP, "-o", patterns)
    lines = json.loads(output_of(bragg, "simulate", cif, "--peaks", "--json").splitlines()[0])["reflections"]
    theta = np.radians([line["two_theta"] / 2 for line in lines])
    lorentz = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    strength = (np.array([line["multiplicity"] * line["f2"] for line in lines]) * lorentz).sum()
    structure = gemmi.read_small_structure(str(cif))
    mass = sum(site.occ * site.element.weight for site in structure.get_all_unit_cell_sites())
    y = two_dimensional(patterns)
    return y / y.sum(axis=1, keepdims=True) * strength / (structure.cell.volume * mass), structure


def with_background_and_noise(y, rng):
    """What `realistic` adds to a pattern whose highest point is 1."""
    y = y / y.max()
    x = np.linspace(START, END, len(y))
    if rng.random() < 0.5:
        y = y + np.exp(rng.uniform(np.log(1e-4), np.log(1e-2)))
    if rng.random() < 0.2:
        y = y + rng.uniform(0, 0.05) * START / x
    if rng.random() < 0.1:
        y = y + rng.uniform(0, 0.1) * np.exp2(-4 * ((x - rng.uniform(15, 35)) / rng.uniform(5, 15)) ** 2)
    counting = np.exp(rng.uniform(np.log(0.002), np.log(0.04)))
    even = 0.006 * np.exp(0.95 * rng.standard_normal())
    return y + counting * np.sqrt(y) * rng.standard_normal(len(y)) + even * rng.standard_normal(len(y))


def formula_of(structure):
    atoms = {}
    for site in structure.get_all_unit_cell_sites():
        atoms[site.element.name] = atoms.get(site.element.name, 0) + site.occ
    return "".join(f"{element}{count:g}" for element, count in atoms.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bragg")
    parser.add_argument("major", type=pathlib.Path)
    parser.add_argument("minor", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--share", type=float, default=0.03, help="of the weight")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (major, of_major), (minor, of_minor) = (
            drawn(options.bragg, cif, options.count, options.seed, pathlib.Path(folder))
            for cif in (options.major, options.minor))
    rng = np.random.default_rng(options.seed)
    rows = ["file\tphases"]
    for n, y in enumerate((1 - options.share) * major + options.share * minor):
        y = with_background_and_noise(y, rng)
        lines = [f"{START + STEP * i:.2f} {value:.6f}\n" for i, value in enumerate(y)]
        name = f"m{n:03d}.xy"
        (options.out / name).write_text("# wavelength: CuKa\n" + "".join(lines))
        rows.append(f"{name}\t{formula_of(of_major)}; {formula_of(of_minor)}")
    (options.out / "labels.tsv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
