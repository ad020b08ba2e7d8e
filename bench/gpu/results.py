"""What a run leaves: gpu.json with every result that is there, gpu.tar.gz with the logs, and a trained model in pieces.

Both are made from the files of the work folder alone, whole or cut off, so they can be written at any time; each replaces
the one before in one step.
"""
import contextlib
import gzip
import io
import json
import os
import re
import shutil
import tarfile

LARGEST_FILE = 16 << 20
MOST_BYTES = 64 << 20
MOST_FILES = 8
LARGEST_LOG = 1 << 20  # in the tar; of a longer one its two ends, of all less where the tar would be too large


def replace(path, content):
    """Writes bytes so that a reader finds the old file or the new one."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def text_of(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def json_lines(path):
    """The JSON objects among the lines; one that was cut off is none."""
    found = []
    for line in text_of(path).splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found


def benchmark_file(path):
    """Google Benchmark's JSON as far as it was written: it appends a benchmark at a time and closes the list at the end.
    None where not even the context is there."""
    text = text_of(path)
    with contextlib.suppress(ValueError):
        return json.loads(text)
    # Cut behind the last whole benchmark: they are indented by four, their closing braces alone on a line.
    for end in reversed([match.end() for match in re.finditer(r"^    \}", text, re.MULTILINE)]):
        with contextlib.suppress(ValueError):
            return {**json.loads(text[:end] + "\n]}"), "cut_off": True}
    head = re.match(r'\s*\{\s*"context": (\{.*?^  \})', text, re.DOTALL | re.MULTILINE)
    if head:
        with contextlib.suppress(ValueError):
            return {"context": json.loads(head[1]), "benchmarks": [], "cut_off": True}
    return None


def merged(files):
    """Several files of Google Benchmark as one; None where none has anything."""
    found = [f for f in map(benchmark_file, files) if f]
    if not found:
        return None
    context = {key: value for f in found for key, value in f.get("context", {}).items()}
    whole = {"context": context, "benchmarks": [b for f in found for b in f.get("benchmarks", [])]}
    if any(f.get("cut_off") for f in found):
        whole["cut_off"] = True
    return whole


def tests_of(logs):
    """Names by outcome, from GoogleTest's running output, which names each test before and after it ran."""
    passed, failed, skipped, begun = 0, [], 0, {}
    for path in logs:
        running = None
        for line in text_of(path).splitlines():
            match = re.match(r"\[ RUN      \] (\S+)", line)
            if match:
                running = match[1]
                begun[path.stem, running] = True
                continue
            match = re.match(r"\[       OK \] (\S+)|\[  FAILED  \] (\S+?),? |\[  SKIPPED \] (\S+)", line)
            if match and running and running in match.groups():
                begun.pop((path.stem, running), None)
                passed += match[1] is not None
                skipped += match[3] is not None
                if match[2]:
                    failed.append(running)
                running = None
    return {"passed": passed, "failed": sorted(set(failed)), "skipped": skipped,
            "not_finished": sorted(name for _, name in begun)}


def clocks(path):
    """The lowest and highest of nvidia-smi's samples: timestamp, MHz, MHz, W, degrees."""
    samples = []
    for line in text_of(path).splitlines():
        fields = line.split(", ")
        with contextlib.suppress(ValueError, IndexError):
            samples.append((float(fields[1]), float(fields[2]), float(fields[3])))
    if not samples:
        return {"clock_samples": 0}
    sm, memory, power = zip(*samples)
    return {"clock_samples": len(samples), "sm_clock_lowest": min(sm), "sm_clock_highest": max(sm),
            "memory_clock": memory[-1], "power_highest": max(power)}


class Results:
    """`facts` go into the JSON as they are; `logs` is the work folder with NAME.log and NAME.json of every step."""

    def __init__(self, out, logs, facts):
        self.out, self.logs, self.facts = out, logs, facts
        self.exit_codes, self.seconds, self.left_out, self.running = {}, {}, {}, []
        self.brought_back = None

    def files(self, pattern):
        return sorted(self.logs.glob(pattern))

    def lines(self, pattern, key):
        return [line for path in self.files(pattern) for line in json_lines(path) if key in line]

    def collected(self):
        """A copy of what is known now: the main thread goes on meanwhile."""
        groups = {path.stem.split(".")[0] for path in self.files("test_*.log")}
        return {
            **self.facts, **clocks(self.logs / "clocks.csv"),
            "exit_codes": dict(self.exit_codes), "seconds": dict(self.seconds), "left_out": dict(self.left_out),
            "running": list(self.running),
            "info": text_of(self.logs / "info.log").splitlines(),
            "tests": {group.removeprefix("test_"): tests_of(self.files(f"{group}.*log")) for group in sorted(groups)},
            "training": self.lines("step_*.log", "training_step_s"),
            "training_in_order": self.lines("in_order_*.log", "training_step_s"),
            "training_stored": self.lines("stored_*.log", "training_step_s"),
            "ops": self.lines("step_*.log", "op"),
            "pytorch": self.lines("pytorch*.log", "form"),
            "kernels_bf16": merged(self.files("kernels_*.json")),
            "simulator_set1": merged(self.files("simulator_set1.json")),
            "simulator_realistic": merged(self.files("simulator_realistic.json")),
            "training_run": json_lines(self.logs / "run/metrics.jsonl")[-1:],
            "model": self.brought_back,
        }

    def write(self):
        """Each of the two files on its own: a failure to write one leaves the other."""
        for name, content in (("gpu.json", lambda: (json.dumps(self.collected(), indent=1) + "\n").encode()),
                              ("gpu.tar.gz", self.archive)):
            try:
                self.out.mkdir(parents=True, exist_ok=True)
                replace(self.out / name, content())
            except Exception as error:  # whatever it is, the run goes on and writes again
                print(f"   {name} could not be written: {error}", flush=True)

    def archive(self):
        longest = LARGEST_LOG
        while len(packed := self.packed(longest)) > LARGEST_FILE:
            longest //= 2
        return packed

    def packed(self, longest):
        memory = io.BytesIO()
        with gzip.GzipFile(fileobj=memory, mode="wb", compresslevel=6, mtime=0) as packed, \
                tarfile.open(fileobj=packed, mode="w") as tar:
            for path in [*self.files("*"), self.logs / "run/metrics.jsonl", self.logs / "run/config.toml"]:
                if not path.is_file():
                    continue
                with contextlib.suppress(OSError):
                    content = ends_of(path, longest)
                    entry = tarfile.TarInfo(path.name)
                    entry.size, entry.mtime = len(content), int(path.stat().st_mtime)
                    tar.addfile(entry, io.BytesIO(content))
        return memory.getvalue()

    def bring_back(self, model):
        """Copies a file in pieces of at most 16 MiB, as many as may leave the machine; says so where they are too many."""
        size = model.stat().st_size
        pieces = -(-size // LARGEST_FILE)
        room = MOST_BYTES - sum((self.out / name).stat().st_size for name in ("gpu.json", "gpu.tar.gz")) - (1 << 20)
        if pieces > MOST_FILES - 2 or size > room:
            self.left_out["model"] = f"{size} bytes in {pieces} pieces; at most {room} bytes in {MOST_FILES - 2} are brought back"
            return
        names = []
        with model.open("rb") as file:
            for i in range(pieces):
                names.append(f"{model.name}.{i}")
                with (self.out / names[-1]).open("wb") as piece:
                    shutil.copyfileobj(io.BytesIO(file.read(LARGEST_FILE)), piece)
        self.brought_back = {"bytes": size, "pieces": names, "join": f"cat {' '.join(names)} >{model.name}"}


def ends_of(path, longest):
    """A log whole, or its two ends."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size <= longest:
            return file.read(size)
        head = file.read(longest // 2)
        file.seek(size - longest // 2)
        return head + f"\n... {size - longest} bytes left out ...\n".encode() + file.read(longest // 2)


def model_of(run):
    """The model that a training run left: its own file where it came to its end, else the checkpoint without Adam's
    moments, written beside it. None where there is neither."""
    whole = run / "model.safetensors"
    if whole.exists():
        return whole
    checkpoint = run / "last.safetensors"
    if not checkpoint.exists():
        return None
    with checkpoint.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        metadata = {**header.pop("__metadata__", {}), "kind": "model"}
        kept, at = {"__metadata__": metadata}, 0
        tensors = {name: t for name, t in header.items() if not name.endswith((".m", ".v"))}
        for name, tensor in tensors.items():
            begin, end = tensor["data_offsets"]
            kept[name] = {**tensor, "data_offsets": [at, at + end - begin]}
            at += end - begin
        text = json.dumps(kept).encode()
        text += b" " * (-len(text) % 8)
        with whole.open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            for tensor in tensors.values():
                begin, end = tensor["data_offsets"]
                file.seek(8 + length + begin)
                out.write(file.read(end - begin))
    return whole
