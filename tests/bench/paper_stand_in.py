"""A stand-in for bragg in paper_test.py: the commands that bench/paper/run.py runs, on sets of two points a pattern. What it is
asked it answers by space group 14."""
import array
import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent.parent / "bench/paper"))
import pattern_sets  # noqa: E402

SCALES = (80, 84, 120)


def write_tensors(path, metadata, **tensors):
    """A file of safetensors out of name = (dtype, shape, numbers)."""
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, numbers) in tensors.items():
        values = array.array(pattern_sets.CODES[dtype], numbers).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + data)


def evaluation(patterns, with_neighbours):
    """As `bragg evaluate --json` writes it."""
    groups = patterns.space_groups()
    right = sum(group == 14 for group in groups) / len(groups)
    rates = {key + end: value for key in ("accuracy", "accuracy_modulo_pairs", "top5")
             for end, value in (("", right), ("_interval", [max(0, right - 0.1), min(1, right + 0.1)]))}
    classes = [{"space_group": group, "count": groups.count(group), "predicted": len(groups) * (group == 14),
                "correct": groups.count(14) * (group == 14), "f1": float(group == 14)} for group in sorted({14, *groups})]
    baseline = {key + end: value for key in ("space_group", "crystal_system") for end, value in (("", 0.25), ("_interval", [0.2, 0.3]))}
    cells = [{"true": c["space_group"], "predicted": 14, "count": c["count"]} for c in classes if c["count"]]
    return {"patterns": len(groups), "groups": len(set(patterns.groups())), "per_class": classes, "per_crystal_system": classes,
            "space_group": {**rates, "macro_f1": 0.1, "confusion": cells},
            "crystal_system": {**rates, "macro_f1": 0.2, "confusion": [[0, len(groups), 0, 0, 0, 0, 0]] * 7},
            "baselines": {"majority": baseline, "nearest_neighbour": baseline if with_neighbours else None}}


def simulate(crystals, recipe, out):
    if crystals.endswith(".cif"):
        out.write_text("two_theta,intensity\n" + "".join(f"{5 + 0.01 * i},{i % 7}\n" for i in range(5500)))
        return
    groups = pattern_sets.Set(crystals).space_groups()
    if recipe == "lattice":
        groups = [group for group in groups if group > 194 for _ in SCALES]
    write_tensors(out, {"two_theta_start": "5", "two_theta_step": "0.01"},
                  patterns=("U16", [len(groups), 2], [x for i in range(len(groups)) for x in (i % len(SCALES), i)]),
                  space_group=("U8", [len(groups)], groups), group=("U16", [len(groups)], range(len(groups))))


def train(steps, out):
    """A line of the log a step, a minute each."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [{"step": s, "loss": 1 / s, "accuracy": 0.5, "elapsed_s": 60.0 * s} for s in range(1, steps + 1)]
    (out / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in ("model", "last"):
        write_tensors(out / f"{name}.safetensors", {"step": str(steps)})


def main(words):
    def after(flag):
        return words[words.index(flag) + 1]

    if words[0] == "--version":
        print("bragg 0 (stand-in)")
    elif words[0] == "simulate":
        simulate(words[1], after("--recipe"), pathlib.Path(after("-o")))
    elif words[0] == "train":
        train(int(next(word for word in words if word.startswith("train.steps=")).split("=")[1]), pathlib.Path(after("--out")))
    elif words[0] == "evaluate":
        pathlib.Path(after("--json")).write_text(json.dumps(evaluation(pattern_sets.Set(words[2]), "--neighbours" in words)))
    else:
        raise SystemExit("unknown: " + " ".join(words))


if __name__ == "__main__":
    main(sys.argv[1:])
