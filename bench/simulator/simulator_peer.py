#!/usr/bin/env python3
"""Peaks of a parsed structure: bench_simulator beside pymatgen's XRDCalculator, one thread each, in one run.

  python3 simulator_peer.py BUILD/bench/bench_simulator SHARED_DATA [--minerals 200] [--seed 1]

A JSON line per structure, then a summary. Both sides take neutral atoms without displacement factors, 1.54184 A, 5 to 90
degrees, and compute everything anew in every repetition; times are CPU time, medians. Before a ratio is printed the two
lists of peaks must agree, merged as pymatgen does (2 theta within 1e-5 degrees): every peak above 1 of 100 on one side is on
the other within 1e-4 degrees, and intensities agree within 5 of 100 (its form factors are another fit: about 1 of
100 apart, up to 4.5 where there is much hydrogen). Structures that pymatgen reads otherwise (mixed sites merged, atoms dropped) fail that and
are counted, not timed.
"""
import argparse
import gzip
import json
import pathlib
import random
import re
import statistics
import subprocess
import tempfile
import time
import warnings

from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.io.cif import CifParser

WAVELENGTH, RANGE = 1.54184, (5, 90)


def mineral_blocks(path, count, seed):
    with gzip.open(path, "rt", errors="replace") as file:
        blocks = re.split(r"(?m)^(?=data_)", file.read())
    return random.Random(seed).sample([b for b in blocks if b.startswith("data_")], count)


def peer_peaks(text):
    """(peaks, median seconds) or None where pymatgen cannot."""
    structure = CifParser.from_str(text, occupancy_tolerance=1.0).parse_structures(primitive=False)[0]
    structure.remove_oxidation_states()
    calculator = XRDCalculator(wavelength=WAVELENGTH)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        pattern = calculator.get_pattern(structure, scaled=True, two_theta_range=RANGE)
        seconds.append(time.process_time() - start)
    return list(zip(pattern.x, pattern.y)), statistics.median(seconds)


def disagreement(ours, theirs):
    """A reason, or None."""
    for name, some, others in (("pymatgen", theirs, ours), ("bragg", ours, theirs)):
        for angle, intensity in some:
            if intensity < 1 or not RANGE[0] + 1e-3 < angle < RANGE[1] - 1e-3:
                continue
            same = [i for a, i in others if abs(a - angle) < 1e-4]
            mine = sum(i for a, i in some if abs(a - angle) < 1e-4)
            if not same:
                return f"{name} has a peak of {intensity:.2f} at {angle:.4f} alone"
            if abs(sum(same) - mine) > 5:
                return f"intensities {mine:.2f} and {sum(same):.2f} at {angle:.4f}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--minerals", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    texts = {"reference": [p.read_text(errors="replace")
                           for p in sorted((options.data / "reference").glob("*/structure.cif"))],
             "minerals": mineral_blocks(options.data / "minerals.cif.gz", options.minerals, options.seed)}
    for group, blocks in texts.items():
        ratios, failed, ours_all, theirs_all = [], 0, [], []
        with tempfile.TemporaryDirectory() as folder:
            for text in blocks:
                name = re.search(r"(?m)^data_(\S*)", text).group(1)
                path, dump = pathlib.Path(folder) / "one.cif", pathlib.Path(folder) / "peaks.tsv"
                path.write_text(text)
                try:
                    theirs, their_seconds = peer_peaks(text)
                except Exception as error:  # whatever the peer cannot read
                    failed += 1
                    print(json.dumps({"structure": name, "set": group, "peer_failed": str(error)[:100]}), flush=True)
                    continue
                result = subprocess.run(
                    [options.bench, "--cif", path, "--dump-peaks", dump, "--benchmark_format=json",
                     "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true"],
                    capture_output=True, text=True, check=True)
                runs = json.loads(result.stdout or '{"benchmarks": []}')["benchmarks"]
                median = [r["cpu_time"] for r in runs if r.get("aggregate_name") == "median"]
                if not median:
                    failed += 1
                    print(json.dumps({"structure": name, "set": group, "failed": "rejected by bragg"}), flush=True)
                    continue
                ours = [tuple(map(float, line.split("\t")[1:])) for line in dump.read_text().splitlines()]
                reason = disagreement(ours, theirs)
                if reason:
                    failed += 1
                    print(json.dumps({"structure": name, "set": group, "disagree": reason}), flush=True)
                    continue
                assert runs[0]["time_unit"] == "ns"
                microseconds = median[0] / 1e3
                ours_all.append(microseconds)
                theirs_all.append(their_seconds * 1e6)
                ratios.append(their_seconds * 1e6 / microseconds)
                print(json.dumps({"structure": name, "set": group, "peaks": len(ours), "bragg_us": round(microseconds, 2),
                                  "pymatgen_us": round(their_seconds * 1e6, 1), "ratio": round(ratios[-1], 1)}), flush=True)
        if ratios:
            print(json.dumps({"summary": group, "compared": len(ratios), "not_compared": failed,
                              "bragg_us_median": round(statistics.median(ours_all), 2),
                              "pymatgen_us_median": round(statistics.median(theirs_all), 1),
                              "ratio_median": round(statistics.median(ratios), 1), "ratio_min": round(min(ratios), 1),
                              "ratio_max": round(max(ratios), 1)}), flush=True)


if __name__ == "__main__":
    main()
