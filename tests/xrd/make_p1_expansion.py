#!/usr/bin/env python3
"""Writes p1_expansion.tsv: cells expanded to P1 by spglib's operators, which our reader does not use.

One entry per space group in spglib's first setting, and one more for each origin choice 2 and for rhombohedral axes:
  group   number, Hall symbol, choice
  cell    a b c alpha beta gamma
  site    element, occupancy, U_iso, x y z in units of 1/24000 (the asymmetric unit)
  atom    the site's number, x y z in units of 1/24000 (every distinct position of the cell)
Coordinates of sites are multiples of 1/1000 and translations multiples of 1/24, so that everything is an exact integer.

  python3 make_p1_expansion.py > p1_expansion.tsv     (spglib 2, numpy)
"""
import itertools
import sys

import numpy as np
import spglib

UNIT = 24000
CELLS = {  # by crystal system, large enough that no two atoms of the sites below come within 0.5 A
    "triclinic": (7.1, 8.3, 9.2, 83.0, 97.0, 102.0),
    "monoclinic": (8.1, 9.3, 10.2, 90.0, 104.0, 90.0),
    "orthorhombic": (9.1, 10.3, 12.2, 90.0, 90.0, 90.0),
    "tetragonal": (10.1, 10.1, 12.7, 90.0, 90.0, 90.0),
    "hexagonal": (11.3, 11.3, 14.9, 90.0, 90.0, 120.0),
    "rhombohedral": (11.1, 11.1, 11.1, 71.0, 71.0, 71.0),
    "cubic": (16.3, 16.3, 16.3, 90.0, 90.0, 90.0),
}
# element, occupancy, U_iso, positions in 1/1000 of which the first is taken that keeps all atoms apart: general, on a
# diagonal, and where many symmetry elements meet.
SITES = [
    ("Fe", 1.0, 0.0, [(127, 318, 431), (131, 59, 291), (161, 297, 87), (107, 178, 291), (89, 157, 331), (73, 191, 287)]),
    ("Si", 0.5, 0.0125, [(213, 213, 213), (167, 167, 167), (289, 289, 289)]),
    ("O", 1.0, 0.03, [(0, 0, 0)]),
]


def system(number, choice):
    for last, name in ((2, "triclinic"), (15, "monoclinic"), (74, "orthorhombic"), (142, "tetragonal")):
        if number <= last:
            return name
    if number <= 194:
        return "rhombohedral" if choice == "R" else "hexagonal"
    return "cubic"


def settings():
    seen = set()
    for hall_number in range(1, 531):
        kind = spglib.get_spacegroup_type(hall_number)
        first = kind.number not in seen
        if first or kind.choice in ("2", "R"):
            seen.add(kind.number)
            yield hall_number, kind


def metric(cell):
    a, b, c = cell[:3]
    ca, cb, cg = np.cos(np.radians(cell[3:]))
    return np.array([[a * a, a * b * cg, a * c * cb], [a * b * cg, b * b, b * c * ca], [a * c * cb, b * c * ca, c * c]])


def apart(points, g):
    points = np.array(points) / UNIT
    near = points[:, None] - points[None]
    near -= np.rint(near)
    d2 = np.einsum("ijk,kl,ijl->ij", near, g, near) + np.eye(len(points))
    return d2.min() > 0.5 ** 2


def expanded(operators, cell):
    """[(x, images)] of every site."""
    rotations = operators["rotations"].astype(int)
    translations = np.rint(operators["translations"] * 24).astype(int)
    assert np.allclose(translations / 24, operators["translations"], atol=1e-6)
    for choice in itertools.product(*(positions for *_, positions in SITES)):
        xs = [np.array(p) * (UNIT // 1000) for p in choice]
        images = [sorted({tuple(int(v) for v in (r @ x + t * (UNIT // 24)) % UNIT)
                          for r, t in zip(rotations, translations)}) for x in xs]
        if apart([p for some in images for p in some], metric(cell)):
            return list(zip(xs, images))
    sys.exit("no choice of positions keeps all atoms apart")


def main():
    for hall_number, kind in settings():
        cell = CELLS[system(kind.number, kind.choice)]
        print(f"group\t{kind.number}\t{kind.hall_symbol}\t{kind.choice or '-'}")
        print("cell\t" + "\t".join(f"{x:g}" for x in cell))
        sites = expanded(spglib.get_symmetry_from_database(hall_number), cell)
        for (element, occupancy, u_iso, _), (x, _) in zip(SITES, sites):
            print(f"site\t{element}\t{occupancy:g}\t{u_iso:g}\t" + "\t".join(str(v) for v in x))
        for index, (_, images) in enumerate(sites):
            for p in images:
                print(f"atom\t{index}\t" + "\t".join(str(v) for v in p))


if __name__ == "__main__":
    main()
