#!/usr/bin/env python3
"""bench/table.py's tables of a GPU, from results made up for the purpose."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import table


def run(name, us, **more):
    return {"name": f"{name}/manual_time", "run_type": "iteration", "real_time": us, **more}


class Gpu(unittest.TestCase):
    def test_kernels_stand_beside_their_peers(self):
        product = {"GFLOP/s": 400e3, "share_of_floor": 0.5}
        rows = list(table.gpu_kernels({"kernels_bf16": {"benchmarks": [
            run("npcnn/conv2/forward", 100.0, **product), run("npcnn/conv2/forward/cudnn", 250.0, **product),
            run("npcnn/conv2/forward/cublaslt", 0.0, error_occurred=True),
            run("loss", 4.0), run("loss", 5.0), run("loss", 9.0)]}}))
        self.assertEqual(rows[2:], ["| npcnn/conv2/forward | 100.0 | 400 | 50% | 2.50x |  |",
                                    "| loss | 5.0 |  |  |  |  |"])

    def test_steps_stand_beside_pytorchs_of_the_same_batch(self):
        step = {"model": "npcnn", "batch": 256, "precision": "bf16", "training_step_s": 0.001,
                "inference_batch_s": 0.0004}
        peer = {"model": "npcnn", "form": "published", "training_step_us": 5000.0, "inference_us": 1000.0}
        rows = list(table.gpu_steps({"training": [step], "pytorch": [
            {**peer, "batch": 256}, {**peer, "batch": 1024, "training_step_us": 1.0}]}))
        self.assertEqual(rows[2:], ["| NPCNN, training step | bf16 | 256 | 1000 | 5000 = 5.00x |  |  |",
                                    "| NPCNN, inference | bf16 | 256 | 400 | 1000 = 2.50x |  |  |"])


class Readme(unittest.TestCase):
    def test_a_missing_place_is_told(self):
        with self.assertRaises(SystemExit):
            table.filled("no places here")

    def test_figures_typed_by_hand_are_replaced(self):
        text = (table.ROOT / "README.md").read_text()
        self.assertNotEqual(text.replace("46,700", "99,999"), text)
        self.assertEqual(table.filled(text.replace("46,700", "99,999")), table.filled(text))


if __name__ == "__main__":
    unittest.main()
