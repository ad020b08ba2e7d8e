#!/usr/bin/env python3
"""bench/pack_gpu.sh and bench/gpu.sh without a GPU: the programs are stand-ins that succeed, fail, hang, write half a JSON
or are killed, and every result that was finished must be in gpu.json."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
sys.path.insert(0, str(ROOT / "bench/gpu"))
import results
import table

SHELL = "#!/bin/sh\n"
# A process that not even a request to stop ends.
HANG = "trap '' TERM\nwhile :; do sleep 0.1; done\n"
TESTS = 'ok() { echo "[ RUN      ] $1"; echo "[       OK ] $1 (1 ms)"; }\n'
BENCHMARK = """
for flag in "$@"; do case $flag in
  --benchmark_out=*) out=${flag#*=} ;; --benchmark_filter=*) filter=${flag#*=} ;; --recipe=*) filter=${flag#*=} ;;
esac; done
entry() { printf '    {\\n      "name": "%s/manual_time",\\n      "run_type": "iteration",\\n      "real_time": %s\\n    }' "$1" "$2" >>"$out"; }
head() { printf '{\\n  "context": {\\n    "device": "a GPU"\\n  },\\n  "benchmarks": [\\n' >"$out"; }
"""
STAND_INS = {
    "bragg": SHELL + """
case $1 in
  info) [ "$2" != --plan ] || { echo "${PARAMETERS:-2} parameters, 0.0 MiB with gradients"; exit; }
    echo 'bragg 0.1.0'; echo 'commit abc123'; echo 'device a GPU, bf16 by wgmma' ;;
  train)
    test "$2" = "$TRAIN_CONFIG" || exit 2
    mkdir "$4"; trap 'cp "$CHECKPOINT" "$4/last.safetensors"; exit 143' TERM
    printf '{"step": 1}\\n{"step": 2}\\n{"ste' >"$4/metrics.jsonl"
    while :; do sleep 0.1; done ;;
esac
""",
    "tests/kernels/network_ops_test": SHELL + TESTS + """
case $1 in
  *ByRowsOfK*) ok Wgmma.ByRowsOfK/cuda_bf16 ;;
  *APapers*) echo '[ RUN      ] Wgmma.APapers/cuda_bf16'; echo '[  FAILED  ] Wgmma.APapers/cuda_bf16, where GetParam() = cuda_bf16 (5 ms)'
    echo '[  FAILED  ] Wgmma.APapers/cuda_bf16, where GetParam() = cuda_bf16'; exit 1 ;;
  *Softmax*) ok Memcheck ;;
  *) ok "Ops.A/$GTEST_SHARD_INDEX"; echo "[ RUN      ] Ops.B/$GTEST_SHARD_INDEX"
    case $GTEST_SHARD_INDEX in 3) kill -SEGV $$ ;; 5)""" + HANG + """;; esac
    echo "[       OK ] Ops.B/$GTEST_SHARD_INDEX (2 ms)" ;;
esac
""",
    "tests/kernels/crystal_ops_test": SHELL + TESTS + """
[ "$GTEST_SHARD_INDEX" != 2 ] || { echo '[==========] 0 tests from 0 test suites ran. (0 ms total)'; exit; }
ok "Crystals/$GTEST_SHARD_INDEX"
""",
    "tests/kernels/view_ops_test": SHELL + TESTS + 'ok "Views/$GTEST_SHARD_INDEX"\n',
    "tests/kernels/refine_test": SHELL + TESTS + 'test "${1#*=}" = "Devices/*/cuda" && ok "Refine/$GTEST_SHARD_INDEX"\n',
    "tests/nn/nn_test": SHELL + TESTS + 'test "$BRAGG_TEST_STEPS" = 2 && ok "${1#*=}"\n',
    "bench/bench_training": SHELL + """
while [ $# -gt 0 ]; do case $1 in
  --model) model=$2 ;; --precision) precision=$2 ;; --batch) batch=$2 ;; --ops) ops=1 ;;
  --instruction_set) case $2 in sm_90a_in_order|sm_90a_stored) ;; *) exit 5 ;; esac ;;
esac; shift; done
common="\\"model\\": \\"$model\\", \\"batch\\": $batch, \\"precision\\": \\"$precision\\""
[ -z "${ops:-}" ] || echo "{\\"op\\": \\"conv1: conv1d_forward N 256\\", \\"us\\": 12.5, \\"how\\": \\"wgmma\\", $common}"
record="{$common, \\"training_step_s\\": 0.001, \\"inference_batch_s\\": 0.0004}"
case $model-$precision in
  scnn-bf16) [ -z "${ops:-}" ] || { """ + HANG + """} ;;
  mlp-bf16) [ -z "${ops:-}" ] || { printf '%.30s' "$record"; kill -KILL $$; } ;;
  mlp-fp32) echo 'bench_training: no memory' >&2; exit 1 ;;
esac
echo "$record"
""",
    "bench/bench_kernels": SHELL + BENCHMARK + """
[ -z "${out:-}" ] || echo "$@" | grep -q cuda_instructions.tsv || exit 4
case $filter in
  'conv|dense1') head; entry npcnn/conv2/forward 100; printf ',\\n' >>"$out"; entry npcnn/dense1/forward 50
    printf ',\\n    {\\n      "name": "mlp/de' >>"$out";""" + HANG + """;;
  -*) head; entry loss 4; printf '\\n  ]\\n}\\n' >>"$out" ;;
  *conv2*dense1*) echo "$@" | grep -q peer_libraries= || exit 3
    peer=$(echo "$@" | sed 's/.*--peers=\\([a-z]*\\).*/\\1/')
    head; entry "npcnn/conv2/forward/$peer" 250; [ "$peer" = cudnn ] && { printf ',\\n' >>"$out"; kill -KILL $$; }
    printf '\\n  ]\\n}\\n' >>"$out" ;;
esac
""",
    "bench/bench_search": SHELL + 'echo "100000 searches/s"\n',
    "bench/bench_candidates": SHELL + 'echo "5000 patterns/s, 400000 candidates/s"\n',
    "bench/bench_refine": SHELL + 'echo "1000 models"\n',
    "bench/bench_simulator": SHELL + BENCHMARK + 'head; entry "$filter" 7; printf "\\n  ]\\n}\\n" >>"$out"\n',
}
PYTORCH = """
import json, sys, time
forms = sys.argv[sys.argv.index("--forms") + 1:sys.argv.index("--models")]
for model in sys.argv[sys.argv.index("--models") + 1:]:
    for form in forms:
        print(json.dumps({"model": model, "form": form, "batch": 256, "training_step_us": 5000.0, "inference_us": 1000.0}))
        sys.stdout.flush()
        if form == "strongest" and model == "scnn":
            time.sleep(1000)
"""
NVIDIA_SMI = SHELL + """
case $* in
  *name*) echo 'NVIDIA H100 80GB HBM3, 580.1' ;;
  *) echo '2026/11/28 10:00:00, 345, 2619, 80.5, 30'; echo '2026/11/28 10:00:01, 1980, 2619, 650.0, 50'; exec sleep 1000 ;;
esac
"""


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def checkpoint():
    """A tensor of the weights between two of its moments."""
    tensors = {"a.m": b"\1" * 8, "a": b"\2" * 8, "b": b"\3" * 4, "a.v": b"\4" * 8}
    header, at = {"__metadata__": {"kind": "checkpoint", "format_version": "1"}}, 0
    for name, data in tensors.items():
        header[name] = {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(tensors.values())


class GpuRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        here = cls.here = pathlib.Path(cls.folder.name)
        for name, text in STAND_INS.items():
            executable(here / "build" / name, text)
        for tool in ("ncu", "compute-sanitizer"):
            executable(here / "tools" / tool, SHELL + 'while [ "${1#/}" = "$1" ]; do shift; done\nexec "$@"\n')
        executable(here / "tools/nvidia-smi", NVIDIA_SMI)
        (here / "site/torch").mkdir(parents=True)
        (here / "site/torch/__init__.py").write_text("")
        for library in ("cudnn/lib/libcudnn.so.9", "cu13/lib/libcublasLt.so.13"):
            executable(here / "site/nvidia" / library, "")
        (here / "checkpoint").write_bytes(checkpoint())
        (here / "config.toml").write_text("")
        subprocess.run([ROOT / "bench/pack_gpu.sh", "--build", here / "build", here / "packed.tar.xz"], check=True,
                       capture_output=True)
        with tarfile.open(here / "packed.tar.xz") as tar:
            tar.extractall(here / "unpacked", filter="tar")
        (here / "unpacked/bench/training_step/pytorch_gpu_peer.py").write_text(PYTORCH)
        with tarfile.open(here / "archive.tar.xz", "w:xz", preset=0) as tar:
            tar.add(here / "unpacked", ".")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def environment(self, **more):
        here = self.here
        return {**os.environ, "PATH": f"{here}/tools:{os.environ['PATH']}", "PYTHONPATH": f"{here}/site",
                "BRAGG_GPU_ARCHIVE": str(here / "archive.tar.xz"), "CHECKPOINT": str(here / "checkpoint"),
                "TRAIN_CONFIG": str(here / "config.toml"), "TMPDIR": str(here), **more}

    def start(self, *arguments, **more):
        return subprocess.Popen([ROOT / "bench/gpu.sh", *map(str, arguments)], env=self.environment(**more),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def finished(self, process, out):
        text = process.communicate(timeout=100)[0]
        self.assertEqual(list(self.here.glob("bragg-gpu*")), [], "what was unpacked is gone")
        return text, self.found(out)

    def found(self, out):
        files = list(out.iterdir())
        self.assertLessEqual(len(files), 8)
        self.assertTrue(all(file.stat().st_size <= 16 << 20 for file in files))
        return json.loads((out / "gpu.json").read_text())

    def test_first_run(self):
        out = self.here / "first"
        process = self.start("first", out, "--scale", 0.08)
        text, found = self.finished(process, out)
        self.assertEqual(process.returncode, 1, text)
        self.assertEqual((found["device"], found["driver"], found["commit"], found["parts"]),
                         ("NVIDIA H100 80GB HBM3", "580.1", "abc123", "first"))
        self.assertEqual((found["sm_clock_lowest"], found["sm_clock_highest"], found["power_highest"]), (345, 1980, 650))
        self.assertIn("device a GPU, bf16 by wgmma", found["info"])
        self.assertEqual(found["tests"]["ops"], {"passed": 1 + 20 + 18 + 3 + 2 + 4, "failed": ["Wgmma.APapers/cuda_bf16"], "skipped": 0,
                                                 "not_finished": ["Ops.B/3", "Ops.B/5"]})
        codes = found["exit_codes"]
        self.assertEqual({name: code for name, code in codes.items() if code},
                         {"test_ops.wgmma_papers": 1, "test_ops.network_ops_03": 139, "test_ops.network_ops_05": 137,
                          "test_ops.crystal_ops_02": 99, "step_scnn_bf16_256": 137, "step_mlp_bf16_256": 137})
        self.assertIn("no test ran", found["left_out"]["test_ops.crystal_ops_02"])
        self.assertEqual([(op["model"], op["us"]) for op in found["ops"]], [("mlp", 12.5), ("npcnn", 12.5), ("resnet", 12.5), ("scnn", 12.5)])
        self.assertEqual([(step["model"], step["batch"]) for step in found["training"]], [("npcnn", 256), ("resnet", 1024)])
        self.assertEqual((found["running"], found["kernels_bf16"], found["pytorch"]), ([], None, []))
        with tarfile.open(out / "gpu.tar.gz") as tar:
            self.assertIn(b"Ops.A/5", tar.extractfile("test_ops.network_ops_05.log").read())

    def test_second_run(self):
        out = self.here / "second"
        process = self.start("second", out, "--seconds", 70, "--scale", 0.1, "--train", self.here / "config.toml")
        text, found = self.finished(process, out)
        self.assertEqual(process.returncode, 1, text)
        kernels = {b["name"].removesuffix("/manual_time"): b["real_time"] for b in found["kernels_bf16"]["benchmarks"]}
        self.assertEqual(kernels, {"npcnn/conv2/forward": 100, "npcnn/dense1/forward": 50, "loss": 4,
                                   "npcnn/conv2/forward/cudnn": 250, "npcnn/conv2/forward/cublaslt": 250})
        self.assertTrue(found["kernels_bf16"]["cut_off"])
        self.assertEqual(len(found["pytorch"]), 6 + 3, "the form that hung had written its line")
        self.assertEqual(len(found["training"]), 4 + 9 - 1)
        self.assertEqual([line["model"] for line in found["training_in_order"]], ["npcnn", "resnet", "scnn"])
        self.assertEqual([(line["model"], line["batch"]) for line in found["training_stored"]], [("resnet", 1024)])
        self.assertEqual(found["tests"]["models"]["passed"], 12)
        self.assertEqual(found["simulator_set1"]["benchmarks"][0]["real_time"], 7)
        codes = found["exit_codes"]
        self.assertEqual({name: code for name, code in codes.items() if code},
                         {"kernels_1": 137, "kernels_cudnn": 137, "pytorch_strongest_scnn": 124, "step_mlp_fp32_256": 1})
        self.assertEqual([codes[f"ncu_npcnn_{op}"] for op in ("conv2_forward", "conv2_backward_data", "dense1_forward")], [0] * 3)
        self.assertEqual([codes[name] for name in ("memcheck", "search_passes", "refine", "candidates", "train")], [0] * 5)
        self.assertEqual(found["training_run"], [{"step": 2}])
        self.assertEqual(found["model"]["pieces"], ["model.safetensors.0"])
        model = (out / "model.safetensors.0").read_bytes()
        length = int.from_bytes(model[:8], "little")
        header = json.loads(model[8:8 + length])
        self.assertEqual((set(header), header["__metadata__"]["kind"]), ({"__metadata__", "a", "b"}, "model"))
        begin, end = header["b"]["data_offsets"]
        self.assertEqual(model[8 + length:], b"\2" * 8 + b"\3" * 4)
        self.assertEqual(model[8 + length + begin:8 + length + end], b"\3" * 4)
        rows = list(table.gpu_steps(found)) + list(table.gpu_kernels(found))
        self.assertIn("| NPCNN, training step | bf16 | 256 | 1000 | 5000 = 5.00x | 5000 = 5.00x | 5000 = 5.00x |", rows)
        self.assertIn("| npcnn/conv2/forward | 100.0 |  |  |  | 2.50x | 2.50x |", rows)

    def test_killed_in_the_middle(self):
        """As where the machine is taken away: whatever was finished is in OUT."""
        out = self.here / "killed"
        process = self.start("second", out, "--scale", 0.05)
        self.until(lambda: "step_scnn_bf16_256" in self.found(out)["exit_codes"], out)
        self.kill_all(process)
        found = self.found(out)
        self.assertEqual(found["exit_codes"]["kernels_2"], 0)
        self.assertEqual([s["model"] for s in found["training"]][:2], ["npcnn", "scnn"])
        self.assertIn("loss/manual_time", [b["name"] for b in found["kernels_bf16"]["benchmarks"]])

    def test_told_to_stop(self):
        out = self.here / "stopped"
        process = self.start("first", out)
        self.until(lambda: (out / "gpu.json").exists() and "test_ops.wgmma_papers" in self.found(out)["exit_codes"], out)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, found = self.finished(process, out)
        self.assertEqual(process.returncode, 143)
        self.assertIn("Wgmma.APapers/cuda_bf16", found["tests"]["ops"]["failed"])
        self.assertEqual((found["exit_codes"]["test_ops.network_ops_05"], found["running"]), (137, []))

    def test_the_time_that_is_given_is_kept(self):
        out = self.here / "short"
        begin = time.monotonic()
        process = self.start("first", out, "--seconds", 12)
        _, found = self.finished(process, out)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertIn("no time was left", found["left_out"].values())
        self.assertGreater(found["tests"]["ops"]["passed"], 1)

    def test_told_to_stop_while_it_trains(self):
        """The model that it has until then comes back."""
        out = self.here / "stopped_training"
        process = self.start("second", out, "--scale", 0.06, "--train", self.here / "config.toml")
        self.until(lambda: self.found(out)["running"] == ["train"] or self.found(out)["training_run"], out, 100)
        process.send_signal(signal.SIGTERM)
        _, found = self.finished(process, out)
        self.assertEqual((process.returncode, found["training_run"]), (143, [{"step": 2}]))
        self.assertEqual(found["model"]["pieces"], ["model.safetensors.0"])

    def test_a_model_too_large_to_come_back_is_not_trained(self):
        out = self.here / "large"
        process = self.start("second", out, "--scale", 0.05, "--seconds", 4, "--train", self.here / "config.toml",
                             PARAMETERS="31369420")
        _, found = self.finished(process, out)
        self.assertIn("its model has 125477680 bytes", found["left_out"]["train"])

    def test_without_the_tools_they_are_left_out(self):
        out = self.here / "bare"
        executable(self.here / "bare_tools/nvidia-smi", NVIDIA_SMI)
        path = f"{self.here}/bare_tools:{pathlib.Path(sys.executable).parent}:/usr/bin:/bin"
        process = self.start("second", out, "--scale", 0.05, PATH=path, PYTHONPATH="")
        _, found = self.finished(process, out)
        self.assertEqual(found["left_out"]["ncu_npcnn_conv2_forward"], "no ncu")
        self.assertEqual(found["left_out"]["memcheck"], "no compute-sanitizer")
        self.assertEqual(found["left_out"]["train"], "no --train CONFIG")

    def test_wrong_use(self):
        for arguments, code, words in ((["third", "out"], 2, "usage"), (["first"], 2, "usage"),
                                       (["first", self.here / "x", "--train", self.here / "config.toml"], 2, "--train"),
                                       (["second", self.here / "x", "--train", "nowhere.toml"], 2, "no such file")):
            process = self.start(*arguments)
            text = process.communicate(timeout=50)[0]
            self.assertEqual((process.returncode, words in text), (code, True), text)
        process = self.start("first", self.here / "x", BRAGG_GPU_ARCHIVE=str(self.here / "none.tar.xz"))
        self.assertIn("bench/pack_gpu.sh", process.communicate(timeout=50)[0])
        self.assertEqual(process.returncode, 1)
        self.assertFalse((self.here / "x").exists())

    def test_an_earlier_result_is_not_overwritten(self):
        out = self.here / "earlier"
        out.mkdir()
        (out / "gpu.json").write_text("{}")
        process = self.start("first", out)
        self.assertIn("is there already", process.communicate(timeout=50)[0])
        self.assertEqual((process.returncode, (out / "gpu.json").read_text()), (2, "{}"))

    def until(self, holds, out, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if holds():
                    return
            time.sleep(0.05)
        self.fail(f"nothing came in {out}")

    def kill_all(self, process):
        """The script and every command, each of which has a session of its own."""
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self.here).encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                    os.kill(int(path.parent.name), signal.SIGKILL)
        for left in self.here.glob("bragg-gpu*"):
            shutil.rmtree(left, ignore_errors=True)


class Repair(unittest.TestCase):
    WHOLE = ('{\n  "context": {\n    "date": "x",\n    "caches": [\n    ]\n  },\n  "benchmarks": [\n    {\n      "name": "a",\n'
             '      "real_time": 1\n    },\n    {\n      "name": "b",\n      "real_time": 2\n    }\n  ]\n}\n')

    def test_cut_at_every_byte(self):
        names = []
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "benchmark.json"
            for length in range(len(self.WHOLE) + 1):
                path.write_text(self.WHOLE[:length])
                found = results.benchmark_file(path)
                names.append([b["name"] for b in found["benchmarks"]] if found else None)
        self.assertEqual([n for i, n in enumerate(names) if i == 0 or names[i - 1] != n], [None, [], ["a"], ["a", "b"]])
        self.assertNotIn("cut_off", found)


if __name__ == "__main__":
    unittest.main()
