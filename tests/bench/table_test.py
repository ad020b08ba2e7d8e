#!/usr/bin/env python3
"""bench/table.py's tables of a GPU, from results made up for the purpose."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import table


def run(name, us, **more):
    return {"name": f"{name}/manual_time", "run_type": "iteration", "real_time": us, **more}


class Gpu(unittest.TestCase):
    def test_kernels_stand_beside_their_peers(self):
        product = {"GFLOP/s": 400e3, "share_of_floor": 0.5, "expected_us": 96.04}
        rows = list(table.gpu_kernels({"kernels_bf16": {"benchmarks": [
            run("npcnn/conv2/forward", 100.0, **product), run("npcnn/conv2/forward/cudnn", 250.0, **product),
            run("npcnn/conv2/forward/cublaslt", 0.0, error_occurred=True),
            run("loss", 4.0), run("loss", 5.0), run("loss", 9.0)]}}))
        self.assertEqual(rows[2:], ["| npcnn/conv2/forward | 100.0 | 400 | 96.0 | 50% | 2.50x |  |",
                                    "| loss | 5.0 |  |  |  |  |  |"])

    def test_steps_stand_beside_pytorchs_of_the_same_batch(self):
        step = {"model": "npcnn", "batch": 256, "precision": "bf16", "training_step_s": 0.001,
                "inference_batch_s": 0.0004}
        peer = {"model": "npcnn", "form": "published", "training_step_us": 5000.0, "inference_us": 1000.0}
        rows = list(table.gpu_steps({"training": [step], "pytorch": [
            {**peer, "batch": 256}, {**peer, "batch": 1024, "training_step_us": 1.0}]}))
        self.assertEqual(rows[2:], ["| NPCNN, training step | bf16 | 256 | 1000 | 5000 = 5.00x |  |  |",
                                    "| NPCNN, inference | bf16 | 256 | 400 | 1000 = 2.50x |  |  |"])


    def test_every_device_has_tables_of_its_own(self):
        step = {"model": "mlp", "batch": 256, "precision": "bf16", "training_step_s": 0.001, "inference_batch_s": 0.0004}
        peer = {"model": "mlp", "form": "published", "batch": 256, "training_step_us": 3000.0, "inference_us": 800.0}
        files = {"2026-12-01-gpu-second": {"device": "NVIDIA H100", "training": [step], "pytorch": [peer],
                                           "kernels_bf16": {"benchmarks": [run("loss", 4.0)]}},
                 "2026-12-02-gpu-first": {"device": "NVIDIA H100", "training": [{**step, "training_step_s": 1}]},
                 "2026-12-03-gpu-first": {"device": "NVIDIA H200", "training": [{**step, "training_step_s": 0.002}]}}
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(list(table.gpu(pathlib.Path(folder)))), 1)
            for name, results in files.items():
                (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps({"driver": "580", **results}))
            rows = list(table.gpu(pathlib.Path(folder)))
        heads = [row for row in rows if row.startswith("On one")]
        self.assertEqual(heads, [f"On one {device}, driver 580 (`bench/results/{name}.json`)." for device, name in (
            ("NVIDIA H100", "2026-12-01-gpu-second"), ("NVIDIA H100", "2026-12-01-gpu-second"),
            ("NVIDIA H200", "2026-12-03-gpu-first"))])
        self.assertIn("| MLP, training step | bf16 | 256 | 1000 | 3000 = 3.00x |  |  |", rows)
        self.assertIn("| MLP, training step | bf16 | 256 | 2000 |  |  |  |", rows)


class Page(unittest.TestCase):
    def test_a_missing_place_is_told(self):
        with self.assertRaises(SystemExit):
            table.filled("no places here")

    def test_figures_typed_by_hand_are_replaced(self):
        text = (table.ROOT / table.PAGE).read_text()
        self.assertNotEqual(text.replace("46,700", "99,999"), text)
        self.assertEqual(table.filled(text.replace("46,700", "99,999")), table.filled(text))


if __name__ == "__main__":
    unittest.main()
