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
TIMED_OUT, TIMED_OUT_AND_KILLED = 124, 137  # what `timeout` exits with
NO_TEST = 99


class Stop:
    """The signal that told this process to stop, once one has."""
    signal_number = 0

    @classmethod
    def listen(cls):
        def note(number, _):
            cls.signal_number = cls.signal_number or number
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, note)


class Run:
    """Steps under a common end; `scale` is of every limit of theirs."""

    def __init__(self, found, seconds, scale):
        self.results, self.end, self.scale = found, time.monotonic() + seconds, scale
        self.processes, self.lock = {}, threading.Lock()

    def write(self):
        with self.lock:
            self.results.write()

    def write_now_and_then(self, done):
        while not done.wait(WRITE_EVERY):
            self.write()

    def left(self):
        return self.end - time.monotonic() - AT_THE_END

    def start(self, step, key, command):
        name = f"{step.name}.{key}" if key else step.name
        grace = self.scale * step.grace
        limit = min(self.scale * step.seconds, self.left() - grace - self.scale * step.spare)
        if limit < self.scale * SHORTEST:
            self.results.left_out[name] = "no time was left"
            return
        print(f"== {name} (at most {limit:.0f} s): {' '.join(command)}", flush=True)
        with (self.results.logs / f"{name}.log").open("wb") as log:
            try:
                # In a process group of its own, so that all that the command starts can be ended with it.
                process = subprocess.Popen(["timeout", "-k", f"{grace:g}", f"{limit:.1f}", *command],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                           env=steps.environment(step), process_group=0)
            except OSError as error:
                self.results.left_out[name] = str(error)
                return
        begin = time.monotonic()
        self.processes[name] = process, step, begin, begin + limit + grace + 5
        self.results.running = sorted(self.processes)

    def wait_for_one(self):
        """Until a command has ended, or this process is told to stop. A command that not even SIGKILL ends (it hangs in the
        driver) is left behind."""
        while not Stop.signal_number:
            for name, (process, step, begin, latest) in list(self.processes.items()):
                code, now = process.poll(), time.monotonic()
                if code is None and now < latest:
                    continue
                kill(process)  # what its group still holds, too
                self.note_end(name, step, TIMED_OUT_AND_KILLED if code is None else code, now - begin)
                return
            time.sleep(0.05)

    def note_end(self, name, step, code, seconds):
        code = code if code >= 0 else 128 - code
        log = results.text_of(self.results.logs / f"{name}.log")
        if step.ends_when_told and code == TIMED_OUT:
            code = 0
        if code == 0 and "[==========] 0 tests from 0 test suites ran." in log:
            self.results.left_out[name] = "no test ran: the filter found none"
            code = NO_TEST
        self.results.exit_codes[name] = code
        self.results.seconds[name] = round(seconds, 1)
        del self.processes[name]
        self.results.running = sorted(self.processes)
        if code != 0:
            print("\n".join([f"   {name} failed ({code})", *("   " + line for line in log.splitlines()[-15:])]), flush=True)

    def do(self, step):
        if step.left_out:
            self.results.left_out[step.name] = step.left_out
            print(f"== {step.name}: left out, {step.left_out}", flush=True)
            return
        for key, command in step.commands.items():
            while len(self.processes) >= step.at_once and not Stop.signal_number:
                self.wait_for_one()
            if Stop.signal_number:
                return
            self.start(step, key, command)
        while self.processes and not Stop.signal_number:
            self.wait_for_one()
        self.write()

    def end_all(self):
        """Training may save before it ends."""
        for process, step, _, _ in self.processes.values():
            if step.ends_when_told:
                os.killpg(process.pid, signal.SIGTERM)
        end = time.monotonic() + AT_THE_END
        while time.monotonic() < end and any(step.ends_when_told and process.poll() is None
                                             for process, step, _, _ in self.processes.values()):
            time.sleep(0.05)
        for name, (process, step, begin, _) in list(self.processes.items()):
            kill(process)
            self.note_end(name, step, TIMED_OUT_AND_KILLED, time.monotonic() - begin)


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
                                stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, process_group=0)


def bring_model(found):
    try:
        model = results.model_of(found.logs / "run")
        if model:
            found.bring_back(model)
    except (OSError, ValueError, KeyError) as error:
        found.left_out["model"] = str(error)


def measure(arguments, root, logs):
    device, driver = ask_driver()
    commit = results.text_of(root / "commit").strip()
    print(f"bragg {commit} on {device}, driver {driver}", flush=True)
    facts = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), "commit": commit,
             "parts": arguments.run, "device": device, "driver": driver}
    found = results.Results(arguments.out, logs, facts)
    run = Run(found, arguments.seconds, arguments.scale)
    Stop.listen()
    done = threading.Event()
    writer = threading.Thread(target=run.write_now_and_then, args=(done,), daemon=True)
    writer.start()
    sampler = sample_clocks(logs)
    try:
        run.write()
        for step in getattr(steps.Steps(root, logs, arguments.train), arguments.run)():
            if Stop.signal_number:
                break
            run.do(step)
    finally:
        run.end_all()
        kill(sampler)
        done.set()
        writer.join()
        run.write()
        bring_model(found)
        run.write()
    print(f"wrote {arguments.out / 'gpu.json'}", flush=True)
    return 128 + Stop.signal_number if Stop.signal_number else int(any(found.exit_codes.values()))


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
