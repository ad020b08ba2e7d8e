"""The steps of the two runs, in the order in which they are worth their time: a run that ends early has lost the last."""
import dataclasses
import importlib.util
import os
import pathlib
import shutil
import sys

MODELS = ("npcnn", "scnn", "mlp")
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


def one(name, seconds, *command, **more):
    return Step(name, seconds, {"": [str(part) for part in command]}, **more)


def missing(program):
    return "" if shutil.which(program) else f"no {program}"


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

    def shards(self, name, seconds, binary, test_filter, count):
        """A process per shard: after an error of the device nothing more comes from its process."""
        commands = {}
        for i in range(count):
            commands[f"{i:02d}"] = ["env", f"GTEST_TOTAL_SHARDS={count}", f"GTEST_SHARD_INDEX={i}", str(self.bin / binary),
                                    f"--gtest_filter={test_filter}"]
        return Step(name, seconds, commands, at_once=AT_ONCE)

    def wgmma(self):
        """A B by rows of k in tiles of 80, 128 and 160 columns; a convolution of the papers at batch 256, twice by wgmma
        and by mma.sync."""
        return Step("test_wgmma", 60, {key: [str(self.bin / "network_ops_test"), f"--gtest_filter=*/Wgmma.{test}*"]
                                       for key, test in (("columns", "ByRowsOfK"), ("papers", "APapers"))}, at_once=2)

    def ops(self):
        """In each precision, of each layout: a process for each, in two shards."""
        tests = self.shards("test_ops", 60, "network_ops_test", "*/cuda*-*Wgmma*", 20)
        tests.commands |= {f"crystals{key}": command for key, command in
                           self.shards("", 0, "crystal_ops_test", "*/cuda*-*AgreesWithReference*", 4).commands.items()}
        return tests

    def ops_over_time(self):
        """Every op of a training step; the step and inference."""
        return [one(f"step_{model}_bf16_256", 25, self.bin / "bench_training", "--device", "cuda", "--precision", "bf16",
                    "--model", model, "--batch", 256, "--seconds", 1, "--ops") for model in MODELS]

    # ---- speed, and whether whole models agree ----

    def kernels_of(self, name, seconds, benchmark_filter, *more):
        return one(name, seconds, self.bin / "bench_kernels", "--device=cuda", "--precision=bf16",
                   f"--benchmark_filter={benchmark_filter}", "--benchmark_min_time=0.02",
                   f"--benchmark_out={self.logs / name}.json", "--benchmark_out_format=json", *more)

    def kernels(self):
        first = "conv|dense1"
        return [self.kernels_of("kernels_1", 50, first), self.kernels_of("kernels_2", 30, f"-{first}")]

    def profiles(self):
        ops = ("npcnn/conv2/forward", "npcnn/conv2/backward_data", "npcnn/dense1/forward")
        sections = [part for name in ("SpeedOfLight", "WarpStateStats", "MemoryWorkloadAnalysis", "LaunchStats", "Occupancy")
                    for part in ("--section", name)]
        return [one(f"ncu_{op.replace('/', '_')}", 20, "ncu", "--clock-control", "none", "--kernel-name", "regex:gemm_wgmma",
                    "--launch-count", 1, *sections, self.bin / "bench_kernels", "--device=cuda", "--precision=bf16", "--warm",
                    f"--benchmark_filter=^{op}/", "--benchmark_min_time=0.001", left_out=missing("ncu")) for op in ops]

    def kernel_peers(self):
        libraries = nvidia_folders()
        return self.kernels_of("kernels_peers", 45, "npcnn/(conv2|dense1)/", "--peers=cublaslt,cudnn",
                               *([f"--peer_libraries={libraries}"] if libraries else []))

    def steps(self):
        return [one(f"step_{model}_bf16_256", 12, self.bin / "bench_training", "--device", "cuda", "--precision", "bf16",
                    "--model", model, "--batch", 256, "--seconds", 1) for model in MODELS]

    def pytorch(self):
        without = "" if importlib.util.find_spec("torch") else "no PyTorch"
        peer = [sys.executable, "-B", self.root / "bench/training_step/pytorch_gpu_peer.py", "--batches", 256, "--seconds", 1]
        eager = one("pytorch_eager", 75, *peer, "--forms", "published", "eager_bf16", "--models", *MODELS, left_out=without)
        return [eager] + [one(f"pytorch_strongest_{model}", 70, *peer, "--forms", "strongest", "--models", model,
                              left_out=without) for model in MODELS]

    def whole_models(self):
        cases = [f"{model}_cuda{precision}" for precision in ("_bf16", "", "_tf32") for model in MODELS]
        return Step("test_models", 60, {case: ["env", "BRAGG_TEST_STEPS=2", str(self.bin / "nn_test"),
                                               f"--gtest_filter=Models/PapersModelsAgree.*/{case}"] for case in cases},
                    at_once=AT_ONCE)

    def simulator(self):
        return [one(f"simulator_{recipe}", 10, self.bin / "bench_simulator", "--device=cuda", "--precision=bf16",
                    f"--set={self.root / 'crystals.cif'}", f"--recipe={recipe}",
                    f"--benchmark_out={self.logs}/simulator_{recipe}.json", "--benchmark_out_format=json")
                for recipe in ("set1", "realistic")]

    def other_precisions(self):
        return [one(f"step_{model}_{precision}_{batch}", 8, self.bin / "bench_training", "--device", "cuda", "--precision",
                    precision, "--model", model, "--batch", batch, "--seconds", 0.5)
                for precision, batch in (("bf16", 1024), ("tf32", 256), ("fp32", 256)) for model in MODELS]

    def memcheck(self):
        """Kernels of up to 54,000 instructions take their time under it: small ops."""
        return one("memcheck", 25, "compute-sanitizer", "--tool", "memcheck", "--error-exitcode", 9, self.bin / "network_ops_test",
                   "--gtest_filter=*Softmax*/cuda:*AvgPool1d/cuda*:*DropoutKeeps*/cuda*:*DenseIsWithin*/cuda_bf16*",
                   left_out=missing("compute-sanitizer"))

    def training(self):
        """For the seconds that are left: `bragg train` saves when it is told to stop."""
        return one("train", 100_000, self.bin / "bragg", "train", self.train or "", "--out", self.logs / "run", "--device", "cuda",
                   left_out="" if self.train else "no --train CONFIG", grace=25, ends_when_told=True)

    def first(self):
        return [self.info(), self.wgmma(), self.ops(), *self.ops_over_time()]

    def second(self):
        return [self.info(), *self.kernels(), *self.profiles(), self.kernel_peers(), *self.steps(), *self.pytorch(),
                self.whole_models(), *self.simulator(), *self.other_precisions(), self.memcheck(), self.training()]


def environment():
    """No first launch inside a recording: every kernel is loaded when the program starts."""
    return {**os.environ, "CUDA_MODULE_LOADING": "EAGER", "PYTHONUNBUFFERED": "1"}
