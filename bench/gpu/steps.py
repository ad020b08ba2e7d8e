"""The steps of the two runs, in the order in which they are worth their time: a run that ends early has lost the last."""
import dataclasses
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import results

MODELS = ("npcnn", "scnn", "mlp")  # of the paper: those that PyTorch runs, too
STEPS = (*((model, 256) for model in MODELS), ("resnet", 1024))  # timed in bf16 as they are trained
AT_ONCE = 10  # processes that test, on 16 cores


@dataclasses.dataclass
class Step:
    """Commands that run one after the other or, as many as `at_once`, side by side. Each has its own log: NAME.log, or
    NAME.KEY.log where there are several."""
    name: str
    seconds: float  # at most, for each command
    commands: dict  # key -> arguments
    at_once: int = 1
    left_out: str = ""  # why it can't run here
    grace: float = 5  # seconds between the request to stop and the end
    ends_when_told: bool = False  # that it ran until its limit is no failure
    # bragg's own programs load every kernel when they start: no first launch lies inside a recording. Others have far more
    # kernels than they use.
    loading: str = "EAGER"
    spare: float = 0  # seconds that must be left behind its limit, for what is cheaper and comes after it


def one(name, seconds, *command, **more):
    return Step(name, seconds, {"": [str(part) for part in command]}, **more)


def tool(program):
    """Where it is, or its name where it is not found."""
    places = ["/usr/local/cuda/bin", *map(str, pathlib.Path("/opt/nvidia/nsight-compute").glob("*"))]
    return shutil.which(program) or shutil.which(program, path=":".join(places)) or program


def missing(program):
    return "" if "/" in tool(program) else f"no {program}"


def nvidia_folders():
    """Where PyTorch's package keeps cuDNN, cuBLASLt and NVRTC; found without importing it, which takes seconds."""
    spec = importlib.util.find_spec("torch")
    if not spec or not spec.origin:
        return ""
    site = pathlib.Path(spec.origin).parent.parent
    return ":".join(sorted({str(path.parent) for path in site.glob("nvidia/**/*.so.*")}))


class Steps:
    """What lies unpacked under `root`; results go to `logs`."""

    def __init__(self, root, logs, train=None):
        self.root, self.bin, self.logs, self.train = root, root / "bin", logs, train

    # ---- the device's first minutes: is it right ----

    def info(self):
        return one("info", 20, self.bin / "bragg", "info", "--device", "cuda", "--precision", "bf16")

    def shards(self, binary, test_filter, count):
        """A process per shard: after an error of the device nothing more comes from its process."""
        return {f"{binary.removesuffix('_test')}_{i:02d}":
                ["env", f"GTEST_TOTAL_SHARDS={count}", f"GTEST_SHARD_INDEX={i}", str(self.bin / binary), f"--gtest_filter={test_filter}"]
                for i in range(count)}

    def tests(self):
        """The device against the reference, and what only a device can say of wgmma, which takes longest and begins: a B by
        rows of k in tiles of 80, 128 and 160 columns; a convolution of the papers at batch 256, twice by wgmma and by
        mma.sync."""
        wgmma = {f"wgmma_{key}": [str(self.bin / "network_ops_test"), f"--gtest_filter=*/Wgmma.{test}*"]
                 for key, test in (("papers", "APapers"), ("columns", "ByRowsOfK"))}
        return Step("test_ops", 90, {**wgmma, **self.shards("network_ops_test", "*/cuda*-*Wgmma*", 20),
                                     **self.shards("crystal_ops_test", "*/cuda*:RenderPatterns.AgreesWithReference", 4),
                                     **self.shards("view_ops_test", "Devices/*/cuda*", 2),
                                     **self.shards("refine_test", "Devices/*/cuda", 4)},
                    at_once=AT_ONCE)

    def ops_over_time(self):
        """Every op of a training step; the step and inference."""
        return [one(f"step_{model}_bf16_{batch}", 25, self.bin / "bench_training", "--device", "cuda", "--precision", "bf16",
                    "--model", model, "--batch", batch, "--seconds", 1, "--ops") for model, batch in STEPS]

    # ---- speed, and whether whole models agree ----

    def kernels_of(self, name, seconds, benchmark_filter, *more):
        return one(name, seconds, self.bin / "bench_kernels", "--device=cuda", "--precision=bf16",
                   f"--benchmark_filter={benchmark_filter}", "--benchmark_min_time=0.02",
                   f"--expect={self.root / 'cuda_instructions.tsv'}", f"--benchmark_out={self.logs / name}.json",
                   "--benchmark_out_format=json", *more)

    def kernels(self):
        first = "conv|dense1"
        return [self.kernels_of("kernels_1", 50, first), self.kernels_of("kernels_2", 30, f"-{first}")]

    def profiles(self):
        """Three launches under Nsight Compute."""
        ops = ("npcnn/conv2/forward", "npcnn/conv2/backward_data", "npcnn/dense1/forward")
        sections = [part for name in ("SpeedOfLight", "WarpStateStats", "MemoryWorkloadAnalysis", "LaunchStats", "Occupancy")
                    for part in ("--section", name)]
        return [one(f"ncu_{op.replace('/', '_')}", 20, tool("ncu"), "--clock-control", "none", "--kernel-name", "regex:gemm_wgmma",
                    "--launch-count", 1, *sections, self.bin / "bench_kernels", "--device=cuda", "--precision=bf16", "--warm",
                    f"--benchmark_filter=^{op}/", "--benchmark_min_time=0.001", left_out=missing("ncu")) for op in ops]

    def kernel_peers(self):
        """A process for each: cuDNN tries every engine that it has, some of which compile."""
        libraries = nvidia_folders()
        more = [f"--peer_libraries={libraries}"] if libraries else []
        steps = [self.kernels_of(f"kernels_{peer}", seconds, "npcnn/(conv2|dense1)/", f"--peers={peer}", *more)
                 for peer, seconds in (("cublaslt", 20), ("cudnn", 40))]
        return [dataclasses.replace(step, loading="LAZY") for step in steps]

    def steps(self):
        return [one(f"step_{model}_bf16_{batch}", 12, self.bin / "bench_training", "--device", "cuda", "--precision", "bf16",
                    "--model", model, "--batch", batch, "--seconds", 1) for model, batch in STEPS]

    def steps_in_order(self):
        """What running updates beside gradients brings: the same without it."""
        return [one(f"in_order_{model}_{batch}", 8, self.bin / "bench_training", "--device", "cuda", "--precision", "bf16",
                    "--instruction_set", "sm_90a_in_order", "--model", model, "--batch", batch, "--seconds", 0.5)
                for model, batch in STEPS if model != "mlp"]

    def steps_stored(self):
        """What it brings that convolutions normalise what they read: the same with that stored."""
        return [one(f"stored_{model}_{batch}", 8, self.bin / "bench_training", "--device", "cuda", "--precision", "bf16",
                    "--instruction_set", "sm_90a_stored", "--model", model, "--batch", batch, "--seconds", 0.5)
                for model, batch in STEPS if model == "resnet"]

    def pytorch(self):
        """The strongest form compiles for a minute or more: what comes after it keeps its time."""
        without = "" if importlib.util.find_spec("torch") else "no PyTorch"
        peer = [sys.executable, "-B", self.root / "bench/training_step/pytorch_gpu_peer.py", "--batches", 256, "--seconds", 1]
        eager = one("pytorch_eager", 75, *peer, "--forms", "published", "eager_bf16", "--models", *MODELS, left_out=without,
                    loading="LAZY")
        return [eager] + [one(f"pytorch_strongest_{model}", 70, *peer, "--forms", "strongest", "--models", model,
                              left_out=without, loading="LAZY", spare=60) for model in MODELS]

    def whole_models(self):
        cases = [f"{model}_cuda{precision}" for precision in ("_bf16", "", "_tf32") for model, _ in STEPS]
        return Step("test_models", 60, {case: ["env", "BRAGG_TEST_STEPS=2", str(self.bin / "nn_test"),
                                               f"--gtest_filter=Models/PapersModelsAgree.*/{case}"] for case in cases},
                    at_once=AT_ONCE)

    def simulator(self):
        return [one(f"simulator_{recipe}", 10, self.bin / "bench_simulator", "--device=cuda", "--precision=bf16",
                    f"--set={self.root / 'crystals.cif'}", f"--recipe={recipe}",
                    f"--benchmark_out={self.logs}/simulator_{recipe}.json", "--benchmark_out_format=json")
                for recipe in ("set1", "realistic")]

    def identification(self):
        """The search's passes, models refined at once, and both of many patterns with the host's part."""
        return [one("search_passes", 15, self.bin / "bench_search", "--device", "cuda", "--passes", 65000),
                one("refine", 15, self.bin / "bench_refine", "--device", "cuda"),
                one("candidates", 30, self.bin / "bench_candidates", "--device", "cuda", "--threads", 16, "--together", 256,
                    "--limit", 256, "--cache", self.root / "search_cache")]

    def other_precisions(self):
        return [one(f"step_{model}_{precision}_{batch}", 8, self.bin / "bench_training", "--device", "cuda", "--precision",
                    precision, "--model", model, "--batch", batch, "--seconds", 0.5)
                for precision, batch in (("bf16", 1024), ("tf32", 256), ("fp32", 256)) for model in MODELS]

    def memcheck(self):
        """Kernels of up to 54,000 instructions take their time under it: small ops."""
        return one("memcheck", 25, tool("compute-sanitizer"), "--tool", "memcheck", "--error-exitcode", 9, self.bin / "network_ops_test",
                   "--gtest_filter=*Softmax*/cuda:*Sums*/cuda_*pool1d*:*Sums*/cuda_add*:*DropoutKeeps*/cuda*:*Sums.IsWithin*/cuda_bf16_dense*",
                   left_out=missing("compute-sanitizer"), loading="LAZY")

    def why_no_training(self):
        """Asked before anything else runs: a config that does not work, or a model too large for the way back."""
        if not self.train:
            return "no --train CONFIG"
        plan = subprocess.run([self.bin / "bragg", "info", "--plan", self.train, "--device", "cpu"], capture_output=True,
                              text=True, timeout=60, check=False)
        parameters = re.search(r"^(\d+) parameters", plan.stdout, re.MULTILINE)
        if not parameters:
            return plan.stderr.strip() or f"bragg info --plan exited with {plan.returncode}"
        size, most = 4 * int(parameters[1]), results.MOST_BYTES - 2 * results.LARGEST_FILE
        return "" if size <= most else f"its model has {size} bytes, at most {most} can be brought back"

    def training(self):
        """For the seconds that are left: `bragg train` saves when it is told to stop."""
        return one("train", 100_000, self.bin / "bragg", "train", self.train or "", "--out", self.logs / "run", "--device", "cuda",
                   left_out=self.why_no_training(), grace=25, ends_when_told=True)

    def first(self):
        return [self.info(), self.tests(), *self.ops_over_time()]

    def second(self):
        return [self.info(), *self.kernels(), *self.profiles(), *self.kernel_peers(), *self.steps(), *self.steps_in_order(), *self.steps_stored(), *self.pytorch(),
                self.whole_models(), *self.simulator(), *self.identification(), *self.other_precisions(), self.memcheck(), self.training()]


def environment(step):
    return {**os.environ, "CUDA_MODULE_LOADING": step.loading, "PYTHONUNBUFFERED": "1"}
