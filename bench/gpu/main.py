"""bench/gpu.sh's two runs: starts one step after the other, each under a limit, and keeps what is finished safe."""
import argparse
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import results
import steps

WRITE_EVERY = 20  # seconds, beside every end of a step
AT_THE_END = 3  # seconds kept for the last writing
SHORTEST = 2  # with less left a step is not begun
TIMED_OUT = 124  # what `timeout` exits with


class Stopped(BaseException):
    """This process was told to stop."""

    def __init__(self, signal_number):
        super().__init__(signal_number)
        self.signal_number = signal_number


class Run:
    """Steps under a common end; `scale` is of every limit of theirs."""

    def __init__(self, found, seconds, scale):
        self.results, self.end, self.scale = found, time.monotonic() + seconds, scale
        self.processes, self.lock = {}, threading.Lock()

    def write(self):
        with self.lock:
            self.results.write()

    def left(self):
        return self.end - time.monotonic() - AT_THE_END

    def start(self, step, key, command):
        name = f"{step.name}.{key}" if key else step.name
        grace = self.scale * step.grace
        limit = min(self.scale * step.seconds, self.left() - grace)
        if limit < self.scale * SHORTEST:
            self.results.left_out[name] = "no time was left"
            return
        print(f"== {name} (at most {limit:.0f} s): {' '.join(command)}", flush=True)
        with (self.results.logs / f"{name}.log").open("wb") as log:
            try:
                # `timeout` gets a session of its own, so that all that the command starts can be ended with it.
                process = subprocess.Popen(["timeout", "-k", f"{grace:g}", f"{limit:.1f}", *command],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                           env=steps.environment(), start_new_session=True)
            except OSError as error:
                self.results.left_out[name] = str(error)
                return
        begin = time.monotonic()
        self.processes[name] = process, step, begin, begin + limit + grace + 5
        self.results.running = sorted(self.processes)

    def wait_for_one(self):
        """Until a command has ended. One that not even SIGKILL ends (it hangs in the driver) is left behind."""
        while True:
            for name, (process, step, begin, latest) in list(self.processes.items()):
                code, now = process.poll(), time.monotonic()
                if code is None and now < latest:
                    continue
                if code is None:
                    kill(process)
                    code = 137
                code = code if code >= 0 else 128 - code
                if step.ends_when_told and code == TIMED_OUT:
                    code = 0
                self.results.exit_codes[name] = code
                self.results.seconds[name] = round(now - begin, 1)
                del self.processes[name]
                self.results.running = sorted(self.processes)
                if code != 0:
                    tail = results.text_of(self.results.logs / f"{name}.log").splitlines()[-15:]
                    print("\n".join([f"   {name} failed ({code})", *("   " + line for line in tail)]), flush=True)
                return
            time.sleep(0.05)

    def do(self, step):
        if step.left_out:
            self.results.left_out[step.name] = step.left_out
            print(f"== {step.name}: left out, {step.left_out}", flush=True)
            return
        for key, command in step.commands.items():
            while len(self.processes) >= step.at_once:
                self.wait_for_one()
            self.start(step, key, command)
        while self.processes:
            self.wait_for_one()
        self.write()

    def end_all(self):
        for name, (process, _, begin, _) in self.processes.items():
            kill(process)
            self.results.exit_codes[name] = 137
            self.results.seconds[name] = round(time.monotonic() - begin, 1)
        self.processes.clear()
        self.results.running = []


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def ask_driver():
    """Name and driver version of the first GPU."""
    try:
        answer = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], timeout=20,
                                capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"bench/gpu.sh: nvidia-smi does not answer, this machine has no NVIDIA driver: {error}")
    name, _, driver = answer.splitlines()[0].partition(", ")
    return name, driver


def sample_clocks(logs):
    query = "--query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu"
    with (logs / "clocks.csv").open("wb") as samples:
        return subprocess.Popen(["nvidia-smi", query, "--format=csv,noheader,nounits", "--loop-ms=500"], stdout=samples,
                                stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)


def bring_model(found):
    """Of the training run: its metrics into the tar, its model beside it."""
    folder = found.logs / "run"
    if (folder / "metrics.jsonl").exists():
        shutil.copy(folder / "metrics.jsonl", found.logs / "train.metrics.jsonl")
    try:
        model = results.model_of(folder)
    except (OSError, ValueError, KeyError) as error:
        found.left_out["model"] = str(error)
        return
    if model:
        found.bring_back(model)


def measure(arguments, root, logs):
    device, driver = ask_driver()
    commit = results.text_of(root / "commit").strip()
    facts = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), "commit": commit,
             "parts": arguments.run, "device": device, "driver": driver}
    found = results.Results(arguments.out, logs, facts)
    run = Run(found, arguments.seconds, arguments.scale)
    done = threading.Event()

    def write_now_and_then():
        while not done.wait(WRITE_EVERY):
            run.write()
    threading.Thread(target=write_now_and_then, daemon=True).start()
    sampler = sample_clocks(logs)

    def stop(number, _):
        raise Stopped(number)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    code = 0
    try:
        run.write()
        plan = steps.Steps(root, logs, arguments.train)
        for step in getattr(plan, arguments.run)():
            run.do(step)
        bring_model(found)
    except Stopped as stopped:
        code = 128 + stopped.signal_number
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        done.set()
        run.end_all()
        kill(sampler)
        run.write()
    print(f"wrote {arguments.out / 'gpu.json'}", flush=True)
    return code or int(any(found.exit_codes.values()))


def understood(words):
    parser = argparse.ArgumentParser(prog="bench/gpu.sh")
    parser.add_argument("run", choices=["first", "second"])
    parser.add_argument("out", type=pathlib.Path, metavar="OUT")
    parser.add_argument("--seconds", type=float, help="for all; 200 for first, 390 for second")
    parser.add_argument("--train", type=pathlib.Path, metavar="CONFIG", help="second: trained for the seconds that are left")
    parser.add_argument("--scale", type=float, default=1, help="multiplies the limit of every step")
    arguments = parser.parse_args(words)
    if arguments.seconds is None:
        arguments.seconds = {"first": 200.0, "second": 390.0}[arguments.run]
    if arguments.train and arguments.run != "second":
        parser.error("--train goes with second")
    if arguments.train and not arguments.train.is_file():
        parser.error(f"--train {arguments.train}: no such file")
    arguments.out = arguments.out.resolve()
    if (arguments.out / "gpu.json").exists():
        parser.error(f"{arguments.out / 'gpu.json'} is there already: another folder, so that no result is lost")
    if arguments.train:
        arguments.train = arguments.train.resolve()
    return arguments


def main():
    """main.py ROOT ARGUMENTS...: ROOT is where the archive was unpacked; it is removed at the end."""
    root = pathlib.Path(sys.argv[1])
    logs = pathlib.Path(tempfile.mkdtemp(prefix="bragg-gpu-logs."))
    try:
        return measure(understood(sys.argv[2:]), root, logs)
    finally:
        shutil.rmtree(logs, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
