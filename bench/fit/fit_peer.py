"""bragg fit beside rietx (PyPI, MIT), a Rietveld program in Python: the same patterns, the same structures, residual, cells, weight
fractions and time side by side, as a table in Markdown.

  fit_peer.py BRAGG DATA [--rietx PYTHON] [--times N]

DATA: the folder of measured patterns that the tests use (shared/data). PYTHON: one that has rietx, default this one.
Each pattern is fitted by a process of its own, start included, on one thread; times are those of one run, or the least of N.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TERMS = 12  # of the background, Chebyshev's polynomials, in both

LAB6 = """data_LaB6
_cell_length_a 4.157
_cell_length_b 4.157
_cell_length_c 4.157
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
La1 La 0 0 0 1 0.005
B1 B 0.1993 0.5 0.5 1 0.005
"""

POWDERS = ["corundum", "fluorite", "zincite"]
# File, its phases.
PATTERNS = [
    ("patterns/text/cpd-1a.dat", POWDERS),
    ("patterns/text/cpd-1c.dat", POWDERS),
    ("patterns/text/cpd-1e.dat", POWDERS),
    ("patterns/text/cpd-1g.dat", POWDERS),
    ("patterns/gsas/NIST660CBI.gsas", ["LaB6"]),
    ("other_instruments/QUA.1.xy", ["quartz_alpha"]),
    ("other_instruments/QUARTZ_1_AFSIS.xy", ["quartz_alpha"]),
    ("other_instruments/DOL.1.xy", ["dolomite"]),
    ("other_instruments/ANATASE_AFSIS.xy", ["anatase"]),
    ("patterns/text/Calcite__R040070-1__Powder__Xray_Data_XY_Processed__3c1ca9d1ddf1c229ef69892bfa48.txt", ["calcite"]),
]

# Run by the Python that has rietx: the plan for laboratories' diffractometers, all that it refines by itself.
PEER = """
import json, sys
import numpy as np
import rietx as rx
points, terms, *cifs = sys.argv[1:]
two_theta, counts = np.loadtxt(points, unpack=True)
sigma = np.sqrt(np.maximum(counts, 1))
data = rx.PatternData(two_theta=list(two_theta), intensity=list(counts), sigma=list(sigma))
structure = rx.Structure(phases=[p for cif in cifs for p in rx.Structure.from_cif(cif).phases])
instrument = rx.Instrument.bragg_brentano(radiation="CuKa")
instrument.profile.w.value, instrument.profile.x.value = 0.004, 0.05
instrument.background = rx.BackgroundChebyshev(coefficients=[rx.Parameter(value=0.0) for _ in range(int(terms))])
result = rx.refine(data, structure, instrument, plan="lab_bragg_brentano")
p = {row.path: row for row in result.parameters}
phases = []
for i, phase in enumerate(structure.phases):
    cell = [p[f"phases.{i}.cell.{e}"].value if f"phases.{i}.cell.{e}" in p else getattr(phase.cell, e).value for e in "abc"]
    phases.append({"cell": cell})
if result.qpa is not None:
    for phase, row in zip(phases, result.qpa.phases):
        phase["weight_fraction"] = row.weight_fraction
print(json.dumps({"residual": result.statistics.rwp, "status": result.status, "phases": phases,
                  "zero": p["instrument.zero_shift"].value if "instrument.zero_shift" in p else 0}))
"""


def timed(command, times):
    """(least seconds, last line of the output) of runs on one thread."""
    least = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")})
        least = min(least, time.perf_counter() - start)
        if run.returncode != 0:
            return least, {"failed": (run.stderr.strip().splitlines() or ["?"])[-1]}
    return least, json.loads(run.stdout.strip().splitlines()[-1])


def cells(found):
    if "failed" in found:
        return found["failed"][:60]
    text = []
    for phase in found["phases"]:
        a, b, c = phase["cell"][:3]
        text.append(f"{a:.5f}" + (f" {b:.5f}" if abs(b - a) > 1e-6 else "") + (f" {c:.5f}" if abs(c - a) > 1e-6 else ""))
    return "; ".join(text)


def fractions(found):
    return " ".join(f"{100 * p['weight_fraction']:.1f}" if p.get("weight_fraction") is not None else "-"
                    for p in found.get("phases", []))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("bragg")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rietx", default=sys.executable)
    parser.add_argument("--times", type=int, default=1, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "LaB6.cif").write_text(LAB6)
        files = {"LaB6": folder / "LaB6.cif", "zincite": args.data / "reference/ZnO-Zincite/structure.cif"}
        print("| pattern | program | Rwp | cells, A | weight % | s |\n|---|---|---|---|---|---|")
        for name, phases in PATTERNS:
            cifs = [str(files.get(p, ROOT / f"data/crystals/{p}.cif")) for p in phases]
            points = folder / "points.xy"
            subprocess.run([args.bragg, "patterns", "convert", str(args.data / name), "-o", str(points)], check=True,
                           capture_output=True)
            points.write_text("".join(line + "\n" for line in points.read_text().splitlines()
                                      if line and line[0] not in "#"))
            rows = {
                "bragg": timed([args.bragg, "fit", str(points), "--wavelength", "CuKa", "--background", str(TERMS), "--json",
                                "--threads", "1", *[w for cif in cifs for w in ("--phase", cif)]], args.times),
                "rietx": timed([args.rietx, "-c", PEER, str(points), str(TERMS), *cifs], args.times),
            }
            for program, (seconds, found) in rows.items():
                rwp = f"{100 * found['residual']:.2f}" if "residual" in found else "-"
                print(f"| {Path(name).name[:18]} | {program} | {rwp} | {cells(found)} | {fractions(found)} | {seconds:.2f} |",
                      flush=True)


if __name__ == "__main__":
    main()
