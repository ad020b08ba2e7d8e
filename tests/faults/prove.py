#!/usr/bin/env python3
"""Nothing is lost: kills, failing calls, signals, a full disk, two trainers at once, memory.

  prove.py BRAGG FAILING_CALLS.so CRYSTALS_FOLDER [--short] [--seed N]

Each attempt ends a command in some way and then asks: is every file the old one or the whole new one, is nothing half
written left, does the message name a path and a reason, and does the run, resumed, end at the same bits as one that was
never disturbed? Prints a line per part; exits with 1 and the attempt where one answer is no.
"""
import argparse
import collections
import itertools
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CALLS = ("open", "write", "fsync", "rename", "close")
REASONS = ("No space left on device", "Input/output error")
CONFIG = """[model]
name = "mlp"
classes = 7
dense = [8]
dropout = 0.1
[data]
crystals = "{crystals}"
recipe = "baseline"
holdout = 0.2
[train]
batch = 8
steps = 60
learning_rate = 1e-3
log_every = 5
evaluate_every = 10
"""


def content(path):
    """A file's bytes but for the date that a report bears."""
    return re.sub(rb"20\d\d-\d\d-\d\d \d\d:\d\d", b"DATE", path.read_bytes())


class Wrong(Exception):
    pass


class Result:
    def __init__(self, code, err):
        self.code, self.err = code, err


class Prover:
    def __init__(self, options, folder):
        self.bragg, self.shim = options.bragg, options.shim
        self.random = random.Random(options.seed)
        self.short = options.short
        self.folder = folder
        self.crystals = folder / "crystals.safetensors"
        self.must(["crystals", "import", options.crystals, "-o", self.crystals])
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG.format(crystals=self.crystals))
        self.patterns = folder / "patterns.safetensors"
        self.must(["simulate", self.crystals, "-o", self.patterns, "--recipe", "large"])
        self.good = folder / "good"
        started = time.monotonic()
        self.must(["train", self.config, "--out", self.good])
        self.run_seconds = time.monotonic() - started
        self.cif = options.crystals

    # ---- running ----

    def start(self, arguments, fault=None, counts=None):
        environment = dict(os.environ)
        if fault or counts:
            environment.update(LD_PRELOAD=str(self.shim), FAULT_FOLDER=str(self.folder / "work"))
        if fault:
            environment["FAULT"] = fault
        if counts:
            environment["FAULT_COUNTS"] = str(counts)
        return subprocess.Popen([self.bragg, *map(str, arguments)], env=environment, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)

    def end(self, process, limit=300):
        try:
            err = process.communicate(timeout=limit)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            raise Wrong(f"hangs: {process.args}") from None
        return Result(process.returncode, err)

    def run(self, arguments, **how):
        return self.end(self.start(arguments, **how))

    def must(self, arguments):
        result = self.run(arguments)
        if result.code != 0:
            raise Wrong(f"{arguments}: exit {result.code}: {result.err[-500:]}")

    def count_calls(self, arguments):
        counts = self.folder / "counts"
        counts.unlink(missing_ok=True)
        result = self.run(arguments, counts=counts)
        if result.code != 0:
            raise Wrong(f"{arguments}: exit {result.code}: {result.err[-500:]}")
        return {name: int(n) for name, n in (line.split() for line in counts.read_text().splitlines())}

    def work(self):
        """An empty folder below which calls may fail."""
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        return work

    def sample(self, count):
        """Numbers 1..count: all, or in the short form some, the first and the last among them."""
        some = 5
        if not self.short or count <= some:
            return range(1, count + 1)
        return sorted({1, count, *self.random.sample(range(1, count + 1), some - 2)})

    # ---- what must hold ----

    @staticmethod
    def no_half_written(folder, what):
        left = [str(p) for p in folder.rglob("*.tmp")]
        if left:
            raise Wrong(f"{what}: left behind {left}")

    def failed_with_a_reason(self, result, what):
        if result.code not in (0, 1, 2):
            raise Wrong(f"{what}: exit {result.code}: {result.err[-500:]}")
        if result.code != 0 and not (str(self.folder) in result.err and any(r in result.err for r in REASONS)):
            raise Wrong(f"{what}: no path or no reason in: {result.err[-500:]}")

    def ends_like_the_good_run(self, run, what):
        """Goes on with a run to its end."""
        result = self.run(["train", self.config, "--out", run, "--resume"])
        if result.code != 0:
            raise Wrong(f"{what}: resume: exit {result.code}: {result.err[-500:]}")
        for name in ("model.safetensors", "best.safetensors"):
            if (run / name).read_bytes() != (self.good / name).read_bytes():
                raise Wrong(f"{what}: {name} differs from the undisturbed run's")
        self.no_half_written(run, what)

    # ---- the parts ----

    def each_call(self, counts):
        return ((call, number) for call in CALLS for number in self.sample(counts[call]))

    def each_fault(self, counts):
        """Each call failing: for good and from there on where the disk is full, and where a write can be short."""
        for call, number in self.each_call(counts):
            for suffix in (":ENOSPC", "+:ENOSPC", ":EIO") + ((":short",) if call == "write" else ()):
                yield f"{call}:{number}{suffix}"

    def failing_call_of(self, what, arguments, outputs, good, fault):
        """One failing call; `good`: what the outputs are to hold. Whether the command failed."""
        before = [content(p) if p.exists() else None for p in outputs]
        result = self.run(arguments, fault=fault)
        self.failed_with_a_reason(result, what)
        self.no_half_written(self.folder / "work", what)
        for path, whole, old in zip(outputs, good, before):
            now = content(path) if path.exists() else None
            if now != whole and (result.code == 0 or now != old):
                raise Wrong(f"{what}: {path.name} is neither the old nor the whole new one")
        return result.code != 0

    def failing_calls_of(self, name, arguments_for, outputs_for):
        """A command that writes files: each call fails, where nothing was before and where an old file stands."""
        work = self.work()
        counts = self.count_calls(arguments_for(work))
        good = [content(p) for p in outputs_for(work)]
        failed = []
        for fault, stands in itertools.product(self.each_fault(counts), (False, True)):
            outputs = outputs_for(self.work())
            for path in outputs if stands else []:
                path.write_bytes(b"what was here before")
            failed.append(self.failing_call_of(f"{name} under {fault}", arguments_for(work), outputs, good, fault))
        return f"{len(failed)} attempts, {sum(failed)} failed with path and reason"

    def failing_calls_of_training(self):
        arguments = lambda run: ["train", self.config, "--out", run]
        failed = []
        for fault in self.each_fault(self.count_calls(arguments(self.work() / "run"))):
            run, what = self.work() / "run", f"train under {fault}"
            failed.append(self.failing_call_of(what, arguments(run), [], [], fault))
            self.ends_like_the_good_run(run, what)
        return f"{len(failed)} attempts, {sum(failed)} failed with path and reason, all resumed"

    def kills_while_writing(self):
        counts = self.count_calls(["train", self.config, "--out", self.work() / "run"])
        done = 0
        for call, number in self.each_call(counts):
            run = self.work() / "run"
            what = f"killed at {call} {number}"
            result = self.run(["train", self.config, "--out", run], fault=f"{call}:{number}:kill")
            if result.code != -signal.SIGKILL:
                raise Wrong(f"{what}: exit {result.code}")
            if run.exists():
                self.ends_like_the_good_run(run, what)
            done += 1
        return f"{done} kills, each resumed to the same bits"

    def kills_at_random(self):
        kills = 0
        while kills < (8 if self.short else 200):
            run = self.work() / "run"
            for _ in range(8):  # one after the other in the same run
                process = self.start(["train", self.config, "--out", run, "--resume"])
                try:
                    process.wait(self.random.uniform(0, 1.1 * self.run_seconds))
                except subprocess.TimeoutExpired:
                    kills += 1
                process.kill()
                process.communicate()
            self.ends_like_the_good_run(run, f"after {kills} kills")
        return f"{kills} kills, each run of 8 ends at the same bits"

    def signals(self):
        saved = collections.Counter()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
        for number in numbers:
            for _ in range(2 if self.short else 40):
                run = self.work() / "run"
                process = self.start(["train", self.config, "--out", run])
                time.sleep(self.random.uniform(0, self.run_seconds))
                process.send_signal(number)
                code = self.end(process).code
                # Before the run begins a signal is one like any program's.
                if code not in (0, 128 + number, -number):
                    raise Wrong(f"{number.name}: exit {code}")
                saved["saved" if code == 128 + number else "ended before" if code == 0 else "died at the start"] += 1
                self.ends_like_the_good_run(run, number.name)
        return f"{sum(saved.values())} signals: " + ", ".join(f"{n} {what}" for what, n in sorted(saved.items()))

    def two_trainers(self):
        rounds, refused = 2 if self.short else 20, 0
        for _ in range(rounds):
            run = self.work() / "run"
            pair = [self.start(["train", self.config, "--out", run, "--resume"]) for _ in range(2)]
            results = [self.end(process) for process in pair]
            refused += sum(r.code == 2 for r in results)
            # Where one ends before the other begins, both are done.
            if sorted(r.code for r in results) not in ([0, 2], [0, 0]):
                raise Wrong(f"two trainers: exits {[r.code for r in results]}: {[r.err[-300:] for r in results]}")
            for process, result in zip(pair, results):
                other = pair[1 - pair.index(process)].pid
                # One that comes to the folder when the other has left it finds a whole run.
                if result.code == 2 and str(other) not in result.err and "already holds a run" not in result.err:
                    raise Wrong(f"two trainers: the holder {other} is not named: {result.err[-300:]}")
            self.ends_like_the_good_run(run, "two trainers")
        return f"{rounds} pairs: {refused} times one was refused with the holder named, else one was done already"

    def memory(self):
        """simulate -o: as much for many patterns as for few."""
        few, many = (60, 600) if self.short else (60, 1160)  # of 173 crystals: 10,000 and 100,000 or 200,000 patterns
        used = []
        for count in (few, many):
            out = self.work() / "p.safetensors"
            process = subprocess.Popen([self.bragg, "simulate", self.crystals, "-o", out, "--count", str(count), "--step",
                                        "0.25"], stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if status != 0:
                raise Wrong(f"simulate --count {count}: exit {process.returncode}")
            used.append(usage.ru_maxrss / 1024)
        if used[1] > 200 or used[1] > 1.25 * used[0]:
            raise Wrong(f"simulate -o: {used[0]:.0f} MB for {few} patterns a crystal, {used[1]:.0f} MB for {many}")
        return f"{used[0]:.0f} MB for {few} patterns a crystal, {used[1]:.0f} MB for {many}"

    def parts(self):
        model = self.good / "model.safetensors"
        yield "memory of simulate", self.memory
        yield "import, failing calls", lambda: self.failing_calls_of(
            "import", lambda w: ["crystals", "import", self.cif, "-o", w / "c.safetensors", "--rejected", w / "r.tsv"],
            lambda w: [w / "c.safetensors", w / "r.tsv"])
        yield "simulate, failing calls", lambda: self.failing_calls_of(
            "simulate", lambda w: ["simulate", self.crystals, "-o", w / "p.safetensors", "--step", 0.1],
            lambda w: [w / "p.safetensors"])
        yield "evaluate, failing calls", lambda: self.failing_calls_of(
            "evaluate", lambda w: ["evaluate", model, self.patterns, "--json", w / "e.json", "--report", w / "e.html"],
            lambda w: [w / "e.json", w / "e.html"])
        yield "train, failing calls", self.failing_calls_of_training
        yield "train, kills while writing", self.kills_while_writing
        yield "train, kills at random", self.kills_at_random
        yield "train, signals", self.signals
        yield "train, two at once", self.two_trainers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bragg")
    parser.add_argument("shim", type=pathlib.Path)
    parser.add_argument("crystals", type=pathlib.Path)
    parser.add_argument("--short", action="store_true", help="some of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="parts whose name contains this")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        try:
            prover = Prover(options, pathlib.Path(folder).resolve())
            for name, part in prover.parts():
                if options.only and options.only not in name:
                    continue
                started = time.monotonic()
                print(f"{name}: {part()} ({time.monotonic() - started:.0f} s)", flush=True)
        except Wrong as wrong:
            print(f"WRONG: {wrong}", flush=True)
            sys.exit(1)


if __name__ == "__main__":
    main()
