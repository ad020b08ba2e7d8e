#!/usr/bin/env python3
"""The paper's system, trained and measured: SCNN, NPCNN and MLP by `baseline`, `mixed` and `large`, and by `large` with half of the
measured patterns in the training (souping), all on the same number of patterns. What comes out is one file of JSON, which
bench/paper/page.py draws.

    sh examples/long_training.sh build/release/bragg ../shared/data train
    bench/paper/run.py build/release/bragg train ../shared/data/rruff_dev.safetensors --out train/paper --json paper.json

Crystals that are asked about are those of data/held_out.tsv, which no training has. What is there already is not made again, so
that an interrupted run goes on with the same command, and with more --patterns all go on from where they are. Standard library alone.
"""
import argparse
import collections
import datetime
import json
import pathlib
import platform
import re
import subprocess

import pattern_sets

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ("npcnn", "scnn", "mlp")
RECIPES = ("large", "baseline", "mixed")
SCALES = range(80, 121, 2)  # percent of a cell's edges, as recipe `lattice` has them
# The rule of apps/suite/suite_part.cpp: 3d from V to Cu, 4f from Ce to Yb.
MAGNETIC = set(range(23, 30)) | set(range(58, 71))
HELD_SEED, MAGNETIC_SEED = 18, 40
CONVOLUTIONS = {"channels": [80, 80, 80], "dense": [2300, 1150]}
WIDTHS = {"npcnn": CONVOLUTIONS, "scnn": CONVOLUTIONS, "mlp": {"dense": [4000, 3000, 1000, 800]}}  # the paper's
DROPOUT = {"npcnn": [0.3, 0.5, 0.5], "scnn": [0.3, 0.5, 0.5], "mlp": [0.6, 0.5, 0.4, 0.3]}  # likewise
SETTINGS = ("batch", "learning_rate", "width", "dropout", "precision", "threads")

Run = collections.namedtuple("Run", "name model recipe halves")


def runs():
    """In the order in which they are trained; `halves` says how measured patterns were parted, None: none is in the training."""
    plain = [Run(f"{model}_{recipe}", model, recipe, None) for recipe in RECIPES for model in MODELS]
    souping = [Run(f"{model}_souping", model, "souping", "group") for model in MODELS]
    return plain[:3] + souping + plain[3:] + [Run("npcnn_souping_by_pattern", "npcnn", "souping", "pattern")]


class Work:
    """Commands of bragg, and the folder where what they make lies."""

    def __init__(self, arguments):
        self.options = arguments
        self.out = arguments.out
        self.sets = self.out / "sets"
        for folder in (self.sets, self.out / "answers"):
            folder.mkdir(parents=True, exist_ok=True)
        settings = {name: getattr(arguments, name) for name in SETTINGS}
        kept = self.out / "settings.json"
        if kept.exists() and json.loads(kept.read_text()) != settings:
            raise SystemExit(f"{self.out}: made with {kept.read_text()}, not {json.dumps(settings)}: take another --out")
        kept.write_text(json.dumps(settings))

    def bragg(self, *words):
        """Whatever it prints is kept in OUT/log."""
        command = [str(self.options.bragg), *map(str, words), "--threads", str(self.options.threads)]
        with open(self.out / "log", "a", encoding="utf-8") as log:
            log.write(" ".join(command) + "\n")
            log.flush()
            subprocess.run(command, check=True, stdout=log, stderr=log)

    def drawn(self, recipe, seed):
        """Pattern sets of the held-out minerals and other crystals, one pattern each, and the crystals."""
        sets = []
        for what in ("minerals", "others"):
            crystals = self.options.crystals / f"{what}_held.safetensors"
            patterns = self.sets / f"{what}_{recipe}_{seed}.safetensors"
            if not patterns.exists():
                self.bragg("simulate", crystals, "--recipe", recipe, "--seed", seed, "-o", patterns)
            sets.append((pattern_sets.Set(patterns), pattern_sets.Set(crystals)))
        return sets

    def make_sets(self):
        """Every set that is asked about, by name."""
        found = {"rruff": self.options.measured}
        for recipe in RECIPES:
            found[f"held_{recipe}"] = self.kept(f"held_{recipe}", lambda recipe=recipe: [
                (patterns, range(patterns.size())) for patterns, _ in self.drawn(recipe, HELD_SEED)])
        found["magnetic"] = self.kept("magnetic", lambda: [
            (patterns, pattern_sets.with_elements(crystals, MAGNETIC)) for patterns, crystals in self.drawn("large", MAGNETIC_SEED)])
        for at, scale in enumerate(SCALES):
            found[f"lattice_{scale}"] = self.kept(f"lattice_{scale}", lambda at=at: [
                (patterns, range(at, patterns.size(), len(SCALES))) for patterns, _ in self.drawn("lattice", 1)])
        measured = pattern_sets.Set(self.options.measured)
        for by in ("group", "pattern"):
            parts = pattern_sets.halves(measured.groups(), by == "group")
            for half, rows in zip(("seen", "unseen"), parts):
                found[f"rruff_{half}_by_{by}"] = self.kept(f"rruff_{half}_by_{by}", lambda rows=rows: [(measured, rows)])
        return found

    def kept(self, name, parts):
        path = self.sets / f"{name}.safetensors"
        if not path.exists():
            pattern_sets.write_rows(path, parts())
        return path

    def folder(self, run):
        return self.out / run.name

    def steps(self):
        return self.options.patterns // self.options.batch

    def is_trained(self, run):
        """Whether its model has seen as many patterns as are asked for; throws where it has seen more."""
        model = self.folder(run) / "model.safetensors"
        steps = int(pattern_sets.Set(model).metadata["step"]) if model.exists() else 0
        if steps > self.steps():
            raise SystemExit(f"{model}: trained for {steps} steps, more than {self.steps()}")
        return steps == self.steps()

    def train(self, run, sets):
        if self.is_trained(run):
            return
        folder = self.folder(run)
        words = ["train", HERE / "paper.toml", "--out", folder]
        if (folder / "last.safetensors").exists():
            words = ["train", "--resume", "--out", folder, "--set", f"train.steps={self.steps()}"]
        else:
            crystals = [str((self.options.crystals / f"{what}_rest.safetensors").resolve()) for what in ("minerals", "others")]
            values = {"model.name": run.model, "data.recipe": run.recipe, "data.crystals": json.dumps(crystals),
                      "train.steps": self.steps(), "train.batch": self.options.batch,
                      "train.learning_rate": self.options.learning_rate, "train.precision": self.options.precision}
            for key, widths in WIDTHS[run.model].items():
                values[f"model.{key}"] = [round(self.options.width * width) for width in widths]
            values["model.dropout"] = [self.options.dropout * share for share in DROPOUT[run.model]]
            if run.halves:
                values["data.measured"] = json.dumps(str(sets[f"rruff_seen_by_{run.halves}"].resolve()))
            for key, value in values.items():
                words += ["--set", f"{key}={value}"]
        self.bragg(*words)

    def answers(self, run, name, sets):
        path = self.out / "answers" / f"{run.name}.{self.options.patterns}.{name}.json"
        if not path.exists():
            words = ["evaluate", self.folder(run) / "model.safetensors", sets[name], "--json", path,
                     "--precision", self.options.precision]
            if run.halves and name == f"rruff_unseen_by_{run.halves}":
                words += ["--neighbours", sets[f"rruff_seen_by_{run.halves}"]]
            self.bragg(*words)
        return scores(json.loads(path.read_text()), whole=run.halves and not name.startswith(("held", "lattice")))


def asked_of(run):
    """Names of the sets that a run is asked about; scaled lattices as in the paper, after souping."""
    measured, lattice = ["rruff", "rruff_unseen_by_group", "rruff_unseen_by_pattern"], []
    if run.halves:
        measured = [f"rruff_unseen_by_{run.halves}"]
    if run.halves == "group":
        lattice = [f"lattice_{scale}" for scale in SCALES]
    own = [] if run.recipe in ("large", "souping") else [f"held_{run.recipe}"]
    return own + ["held_large", *measured, "magnetic"] + lattice


def rate(entry, key):
    return [round(x, 4) for x in (entry[key], *entry[f"{key}_interval"])]


def weighted_f1(classes):
    """The mean of the classes' F1 by their patterns."""
    return round(sum(c["f1"] * c["count"] for c in classes) / max(1, sum(c["count"] for c in classes)), 4)


def scores(found, whole):
    """What is kept of an evaluation: rates as [value, low, high]; with `whole` also what each class got."""
    groups, systems, majority = found["space_group"], found["crystal_system"], found["baselines"]["majority"]
    kept = {"patterns": found["patterns"], "groups": found["groups"],
            "system": rate(systems, "accuracy"), "space_group": rate(groups, "accuracy"),
            "modulo_pairs": rate(groups, "accuracy_modulo_pairs"), "top5": rate(groups, "top5"),
            "macro_f1": [round(systems["macro_f1"], 4), round(groups["macro_f1"], 4)],
            "weighted_f1": [weighted_f1(found["per_crystal_system"]), weighted_f1(found["per_class"])],
            "majority": [round(majority["crystal_system"], 4), round(majority["space_group"], 4)]}
    neighbour = found["baselines"]["nearest_neighbour"]
    if neighbour:
        kept["nearest_neighbour"] = {"system": rate(neighbour, "crystal_system"), "space_group": rate(neighbour, "space_group")}
    if whole:
        kept["per_class"] = {c["space_group"]: [c["count"], c["predicted"], c["correct"]] for c in found["per_class"]}
        kept["confusion"] = [[c["true"], c["predicted"], c["count"]] for c in groups["confusion"]]
        kept["system_confusion"] = systems["confusion"]
    return kept


def counts(paths):
    """How many have each space group."""
    count = collections.Counter()
    for path in paths:
        count.update(pattern_sets.Set(path).space_groups())
    return {group: count[group] for group in sorted(count)}


def training_of(folder, steps):
    """Of the run's own log until then: loss and accuracy in training over the last tenth, and how long it took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "loss" in line and line["step"] <= steps]
    last = lines[-max(1, len(lines) // 10):]
    mean = {key: round(sum(line[key] for line in last) / len(last), 4) for key in ("loss", "accuracy")}
    return {**mean, "seconds": round(lines[-1]["elapsed_s"], 1)}


def processor():
    """Vendor's name, family and model, and the widest instructions for bfloat16."""
    path = pathlib.Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    found = [re.search(rf"^{key}\s*: (.*)$", text, re.MULTILINE) for key in ("model name", "cpu family", "model")]
    if not all(found):
        return platform.machine()
    flags = [flag for flag in ("avx512_bf16", "amx_bf16") if f" {flag}" in text]
    return f"{found[0][1]} (family {found[1][1]}, model {found[2][1]}{', ' if flags else ''}{', '.join(flags)})"


def twins(measured, seen, unseen):
    """Of the rows of `unseen` those with a row of their group in `seen`."""
    groups = measured.groups()
    known = {groups[row] for row in seen}
    return sum(groups[row] in known for row in unseen)


def example(work):
    """One structure by three of the paper's seven sets and by `realistic`, every fifth point of 5 to 60 degrees, maximum 1000."""
    kept = work.out / "example.json"
    if kept.exists():
        return json.loads(kept.read_text())
    cif, drawn = HERE.parents[1] / "data/crystals/quartz_alpha.cif", {}
    for recipe in ("set1", "set2", "set4", "realistic"):
        path = work.out / "example.csv"
        work.bragg("simulate", cif, "--recipe", recipe, "--seed", 3, "--range", 5, 60, "-o", path)
        values = [float(line.split(",")[1]) for line in path.read_text().splitlines()[1:]]
        drawn[recipe] = [round(1000 * value / max(values)) for value in values[::5]]
    kept.write_text(json.dumps({"structure": cif.stem, "start": 5, "step": 0.05, "patterns": drawn}))
    return json.loads(kept.read_text())


def everything(work, sets):
    """The result, of the runs that are trained."""
    version = subprocess.run([str(work.options.bragg), "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]
    measured = pattern_sets.Set(work.options.measured)
    halves = {by: pattern_sets.halves(measured.groups(), by == "group") for by in ("group", "pattern")}
    options = work.options
    found = {"what": {"patterns": work.steps() * options.batch, **{name: getattr(options, name) for name in SETTINGS},
                      "processor": processor(), "bragg": version,
                      "date": datetime.date.today().isoformat(), "config": (HERE / "paper.toml").read_text()},
             "classes": {"training": counts(options.crystals / f"{what}_rest.safetensors" for what in ("minerals", "others")),
                         "held": counts([sets["held_large"]]), "magnetic": counts([sets["magnetic"]]),
                         "rruff": counts([options.measured])},
             "halves": {by: {"seen": len(parts[0]), "unseen": len(parts[1]), "unseen_with_a_twin": twins(measured, *parts)}
                        for by, parts in halves.items()},
             "example": example(work), "runs": []}
    for run in runs():
        if work.is_trained(run):
            found["runs"].append({**run._asdict(), "training": training_of(work.folder(run), work.steps()),
                                  "sets": {name: work.answers(run, name, sets) for name in asked_of(run)}})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bragg", type=pathlib.Path)
    parser.add_argument("crystals", type=pathlib.Path, help="the folder that examples/long_training.sh has made")
    parser.add_argument("measured", type=pathlib.Path, help="rruff_dev.safetensors")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a folder for models, sets and answers, kept")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="written anew after every run")
    parser.add_argument("--patterns", type=int, default=1_200_000, help="that each network is trained on (the paper's large set)")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--width", type=float, default=1, help="of all layers, times the paper's")
    parser.add_argument("--dropout", type=float, default=1, help="everywhere, times the paper's")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    arguments.bragg = arguments.bragg.resolve()
    work = Work(arguments)
    sets = work.make_sets()
    for run in runs():
        work.train(run, sets)
        beside = pathlib.Path(f"{arguments.json}.new")
        beside.write_text(json.dumps(everything(work, sets), separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
        beside.rename(arguments.json)
        print(f"{run.name}: trained and asked", flush=True)


if __name__ == "__main__":
    main()
