#!/usr/bin/env python3
"""The tables of measured speed, from the files in bench/results: none of their figures is typed by hand.

  bench/table.py           writes them into docs/benchmarks.md, between <!-- bench/table NAME --> and
                           <!-- bench/table end -->
  bench/table.py --check   ends with 1 where docs/benchmarks.md differs

The GPU's tables come from the newest bench/results/*gpu*.json of each device, which is what bench/gpu.sh writes.
"""
import argparse
import json
import math
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/benchmarks.md"
NEW, OLD = "2026-11-24-cpu-zen5.jsonl", "2026-11-23-cpu-zen3.jsonl"
AMX, NO_AMX = "2026-11-29-cpu-amx.jsonl", "2026-11-30-cpu-xeon-fp16.jsonl"
MODELS = ("scnn", "npcnn", "mlp")


def lines(name):
    return [json.loads(line) for line in (ROOT / "bench/results" / name).read_text().splitlines()]


def the(records, **values):
    """The one record with these values."""
    found = [r for r in records if all(r.get(key) == value for key, value in values.items())]
    if len(found) != 1:
        raise SystemExit(f"bench/table.py: {len(found)} records with {values}, expected 1")
    return found[0]


def whole(x):
    return f"{math.floor(x + 0.5):,}"


def three_digits(x):
    step = 10 ** max(0, math.floor(math.log10(x)) - 2)
    return whole(math.floor(x / step + 0.5) * step)


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def cpu_steps():
    new, old = lines(NEW), lines(OLD)
    rows = []
    for what in ("training", "inference"):
        ours, bf16 = [f"{what}: bragg / PyTorch"], ["... PyTorch in bf16"]
        for model in MODELS:
            r = the(new, model=model, what=what)
            before = the(old, model=model, what=what)["ratio"]
            ours.append(f"{whole(r['bragg_patterns_per_s'])} / {whole(r['torch_fp32_patterns_per_s'])} = "
                        f"{r['ratio']:.1f}x ({before:.1f}x)")
            bf16.append(whole(r["torch_bf16_patterns_per_s"]))
        rows += [ours, bf16]
    return table(["batch 256, 230 classes, two threads, patterns/s", *(m.upper() for m in MODELS)], rows)


def cpu_bf16(file):
    records, models = lines(file), (*MODELS, "resnet")
    rows = []
    for what in ("training", "inference"):
        for precision, of in (("fp32", ""), ("bf16", "bf16_")):
            def cell(r):
                return (f"{whole(r[f'bragg_{of}patterns_per_s'])} / {whole(r[f'torch_{precision}_patterns_per_s'])} = "
                        f"{r[of + 'ratio']:.2f}x ({100 * r[of + 'share_of_peak']:.0f} %)")
            rows.append([f"{what}, {precision}", *(cell(the(records, model=m, what=what)) for m in models)])
    return table(["bragg / PyTorch (share of peak)", *(m if m == "resnet" else m.upper() for m in models)], rows)


def cpu_simulator():
    new, old = lines(NEW), lines(OLD)

    def peaks(records, structures):
        r = the(records, structures=structures)
        return f"{whole(r['ratio_median'])}x ({whole(r['ratio_min'])}x to {whole(r['ratio_max'])}x)"

    def rate(records, what, key):
        return three_digits(the(records, what=what)[key])

    structures = {s: the(new, structures=s)["compared"] for s in ("reference", "minerals")}
    imported = the(new, what="import of crystals.cif.gz")
    crystals = f"{imported['crystals']:,} crystals"
    draw, keep = "crystals to patterns, set 1, nothing cached", "drawing, reflections kept, set 1"
    return table(["simulator", "", "Zen 5", "Zen 3"], [
        ["peaks of a parsed structure, one thread, against pymatgen 2026.10 (CPU time), median (range)",
         f"{structures['reference']} reference structures", peaks(new, "reference"), peaks(old, "reference")],
        ["", f"{structures['minerals']} random minerals", peaks(new, "minerals"), peaks(old, "minerals")],
        ["crystal to drawn pattern, set 1, one thread", crystals,
         rate(new, draw, "patterns_per_cpu_s_median") + " patterns/s", rate(old, draw, "patterns_per_cpu_s_median")],
        ["drawing with reflections kept, set 1, two threads", crystals,
         rate(new, keep, "patterns_per_s_median") + " patterns/s", rate(old, keep, "patterns_per_s_median")],
        ["import from one .cif.gz (167 MB of text), two threads", crystals,
         f"{imported['wall_s']:.1f} s, {imported['peak_memory_kb'] * 1024 / 1e9:.2f} GB", ""],
    ])


def microseconds(kernels):
    """{op: {"": record, "cudnn": record, ...}}, the median where an op was repeated; what failed is left out."""
    runs = {}
    for r in kernels["benchmarks"]:
        if r.get("run_type", "iteration") == "iteration" and not r.get("error_occurred"):
            runs.setdefault(r["name"].removesuffix("/manual_time"), []).append(r)
    found = {}
    for name, repeated in runs.items():
        op, _, peer = name.rpartition("/")
        if peer not in ("cudnn", "cublaslt"):
            op, peer = name, ""
        median = dict(repeated[0])
        for key in ("real_time", "GFLOP/s", "share_of_floor"):
            if key in median:
                median[key] = statistics.median(r[key] for r in repeated)
        found.setdefault(op, {})[peer] = median
    return found


def gpu_kernels(gpu):
    def cell(record, key, text):
        return text.format(record[key]) if key in record else ""

    rows = []
    for op, by in microseconds(gpu["kernels_bf16"]).items():
        if "" not in by:
            continue
        ours = by[""]
        rows.append([op, f"{ours['real_time']:.1f}",
                     f"{ours['GFLOP/s'] / 1e3:.0f}" if "GFLOP/s" in ours else "",
                     cell(ours, "expected_us", "{:.1f}"), cell(ours, "share_of_floor", "{:.0%}"),
                     *(f"{by[p]['real_time'] / ours['real_time']:.2f}x" if p in by else ""
                       for p in ("cudnn", "cublaslt"))])
    return table(["bf16, batch 256", "us", "TFLOP/s", "expected, us", "share of the floor", "cuDNN's time / bragg's",
                  "cuBLASLt's time / bragg's"], rows)


def gpu_steps(gpu):
    forms = ("published", "eager_bf16", "strongest")
    rows = []
    for r in gpu["training"]:
        for what, key in (("training step", "training_step"), ("inference", "inference_batch")):
            us = 1e6 * r[f"{key}_s"]
            peers = {p["form"]: p[f"{key.removesuffix('_batch')}_us"] for p in gpu.get("pytorch", [])
                     if "error" not in p and (p["model"], p["batch"]) == (r["model"], r["batch"])}
            rows.append([f"{r['model'].upper()}, {what}", r["precision"], str(r["batch"]), f"{us:.0f}",
                         *(f"{peers[f]:.0f} = {peers[f] / us:.2f}x" if f in peers else "" for f in forms)])
    return table(["", "precision", "batch", "bragg, us", *(f"PyTorch {f}, us" for f in forms)], rows)


def newest(runs, *keys):
    """The last of (file name, results) that has something under each of the keys."""
    having = [run for run in runs if all(run[1].get(key) for key in keys)]
    return having[-1] if having else None


def gpu(folder=ROOT / "bench/results"):
    """The tables of every device on its own: figures of an H100 and of an H200 are not comparable."""
    runs = {}
    for path in sorted(folder.glob("*gpu*.json")):
        results = json.loads(path.read_text())
        runs.setdefault(results["device"], []).append((path.name, results))
    if not runs:
        yield "There are no GPU timings yet: none of the CUDA kernels has been timed on one."
    begun = False
    for _, of_device in sorted(runs.items()):
        steps = newest(of_device, "training", "pytorch") or newest(of_device, "training")
        for run, make in ((steps, gpu_steps), (newest(of_device, "kernels_bf16"), gpu_kernels)):
            if run is None:
                continue
            name, results = run
            if begun:
                yield ""
            begun = True
            yield f"On one {results['device']}, driver {results['driver']} (`bench/results/{name}`)."
            yield ""
            yield from make(results)


TABLES = {"cpu_steps": cpu_steps, "cpu_amx": lambda: cpu_bf16(AMX), "cpu_no_amx": lambda: cpu_bf16(NO_AMX),
          "cpu_simulator": cpu_simulator, "gpu": gpu}


def filled(page):
    """The page with every table made anew."""
    for name, make in TABLES.items():
        between = re.compile(rf"(<!-- bench/table {name} -->\n).*?(\n<!-- bench/table end -->)", re.DOTALL)
        text = "\n".join(make())
        page, count = between.subn(lambda m, text=text: m[1] + text + m[2], page)
        if count != 1:
            raise SystemExit(f"bench/table.py: {PAGE} has {count} places for the table {name}, expected 1")
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    path = ROOT / PAGE
    before = path.read_text()
    after = filled(before)
    if arguments.check:
        if after != before:
            sys.exit(f"bench/table.py: the tables of {PAGE} are not those of bench/results; run bench/table.py")
    else:
        path.write_text(after)


if __name__ == "__main__":
    main()
