#!/usr/bin/env python3
"""bench/paper on tiny sets and a stand-in for bragg (paper_stand_in.py): what is trained and asked, that nothing is made twice, how
measured patterns are parted, and the page."""
import array
import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import xml.dom.minidom

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAPER = ROOT / "bench/paper"
sys.path.insert(0, str(PAPER))
import figures  # noqa: E402
import page  # noqa: E402
import pattern_sets  # noqa: E402
import run  # noqa: E402
from paper_stand_in import SCALES, write_tensors  # noqa: E402


def write_set(path, space_groups, groups, patterns):
    """A pattern set as rruff_dev is one."""
    write_tensors(path, {"two_theta_start": "5", "two_theta_step": "0.01"},
                  patterns=("U16", [len(patterns), len(patterns[0])], [value for pattern in patterns for value in pattern]),
                  space_group=("U8", [len(space_groups)], space_groups), group=("U16", [len(groups)], groups))


def write_crystals(path, space_groups, elements):
    """What run.py reads of a crystal set: space groups, and the elements of each crystal's sites."""
    offsets = [0]
    for of in elements:
        offsets.append(offsets[-1] + len(of))
    numbers = [z for of in elements for z in of]
    write_tensors(path, {}, space_group=("I32", [len(space_groups)], space_groups), site_offset=("U64", [len(offsets)], offsets),
                  site_atomic_number=("U8", [len(numbers)], numbers))


# Each is asked about nine sets or so, a process each: four of them show what there is to see.
SOME = ("npcnn_large", "mlp_mixed", "npcnn_souping", "npcnn_souping_by_pattern")


class Paper(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        here = cls.here = pathlib.Path(cls.folder.name)
        (here / "bragg").write_text(f'#!/bin/sh\nexec {sys.executable} -BS {ROOT}/tests/bench/paper_stand_in.py "$@"\n')
        (here / "bragg").chmod(0o755)
        for what in ("minerals", "others"):
            write_crystals(here / f"{what}_held.safetensors", [14, 225, 62], [[8, 26], [8], [57, 71]])
            write_crystals(here / f"{what}_rest.safetensors", [14, 14, 2], [[8], [14], [26]])
        # Groups of one, two and three patterns; the pattern itself says which row it was.
        cls.groups = [0, 1, 1, 2, 2, 2, 3, 4, 5, 5]
        write_set(here / "measured.safetensors", [14, 62, 62, 2, 2, 2, 14, 225, 166, 166], cls.groups, [[i, 1000] for i in range(10)])
        cls.result = cls.ran(cls)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def ran(self, patterns=300, batch=100):
        here = self.here
        some = [one for one in run.runs() if one.name in SOME]
        words = ["run.py", here / "bragg", here, here / "measured.safetensors", "--out", here / "out", "--json", here / "result.json",
                 "--patterns", patterns, "--batch", batch, "--width", 0.5]
        with unittest.mock.patch.object(sys, "argv", list(map(str, words))), unittest.mock.patch.object(run, "SCALES", SCALES), \
                unittest.mock.patch.object(run, "runs", lambda: some), contextlib.redirect_stdout(io.StringIO()):
            run.main()
        return json.loads((here / "result.json").read_text())

    def commands(self):
        return [line.split() for line in (self.here / "out/log").read_text().splitlines() if "/bragg " in line]

    def test_nine_trainings_and_four_with_measured_patterns(self):
        runs = run.runs()
        self.assertEqual({(one.model, one.recipe) for one in runs if not one.halves},
                         {(model, recipe) for model in run.MODELS for recipe in ("baseline", "mixed", "large")})
        self.assertEqual(sorted((one.model, one.halves) for one in runs if one.halves),
                         [("mlp", "group"), ("npcnn", "group"), ("npcnn", "pattern"), ("scnn", "group")])

    def test_commands(self):
        trained = {}
        for words in self.commands():
            if words[1] == "train":
                values = dict(value.split("=", 1) for value in " ".join(words).replace(", ", ",").split() if "=" in value)
                trained[pathlib.Path(words[words.index("--out") + 1]).name] = values
        self.assertEqual(set(trained), set(SOME))
        self.assertEqual({values["train.steps"] for values in trained.values()}, {"3"})
        self.assertEqual((trained["mlp_mixed"]["data.recipe"], trained["mlp_mixed"]["model.dense"]), ("mixed", "[2000,1500,500,400]"))
        self.assertEqual((trained["npcnn_large"]["model.channels"], trained["npcnn_large"]["model.dense"]), ("[40,40,40]", "[1150,575]"))
        for name, values in trained.items():
            measured = {"npcnn_souping": "rruff_seen_by_group", "npcnn_souping_by_pattern": "rruff_seen_by_pattern"}.get(name)
            self.assertEqual("data.measured" in values, bool(measured))
            self.assertIn(measured or "", values.get("data.measured", ""))
            self.assertEqual(values["data.recipe"] == "souping", bool(measured))

    def test_what_is_there_is_not_made_again(self):
        before = self.commands()
        self.assertEqual(self.ran(), self.result)
        self.assertEqual(self.commands(), before)

    def test_more_patterns_go_on_and_fewer_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(self.here, folder, dirs_exist_ok=True)
            with unittest.mock.patch.object(self, "here", pathlib.Path(folder)):
                self.assertEqual({run_["training"]["seconds"] for run_ in self.ran(500)["runs"]}, {300.0})
                trained = [words for words in self.commands() if words[1] == "train"][4:]
                self.assertEqual([(words[2], words[-3]) for words in trained], [("--resume", "train.steps=5")] * 4)
                with self.assertRaisesRegex(SystemExit, "trained for 5 steps, more than 3"):
                    self.ran(300)
                with self.assertRaisesRegex(SystemExit, "take another --out"):
                    self.ran(300, batch=50)

    def test_sets(self):
        sets = {run_["name"]: run_["sets"] for run_ in self.result["runs"]}
        self.assertEqual(sets["mlp_mixed"]["held_mixed"]["patterns"], 6)
        self.assertEqual(sets["mlp_mixed"]["magnetic"]["patterns"], 2, "iron; lanthanum and lutetium are none")
        self.assertEqual(sets["npcnn_souping"]["lattice_80"]["patterns"], 2, "cubic ones")
        self.assertNotIn("lattice_80", sets["mlp_mixed"])
        self.assertEqual(sets["mlp_mixed"]["rruff"]["space_group"], [0.2, 0.1, 0.3])
        self.assertNotIn("rruff", sets["npcnn_souping"], "half of it is in the training")
        self.assertNotIn("rruff_unseen_by_pattern", sets["npcnn_souping"])
        scale = pattern_sets.Set(self.here / "out/sets/lattice_84.safetensors")
        self.assertEqual([int.from_bytes(scale.pattern(row)[:2], "little") for row in range(2)], [1, 1])
        self.assertEqual(self.result["classes"]["training"], {"2": 2, "14": 4})

    def test_halves(self):
        for whole_groups in (True, False):
            seen, unseen = pattern_sets.halves(self.groups, whole_groups)
            self.assertEqual((sorted(seen + unseen), len(seen)), (list(range(10)), 5))
            shared = {self.groups[row] for row in seen} & {self.groups[row] for row in unseen}
            self.assertEqual(bool(shared), not whole_groups)
        self.assertEqual(self.result["halves"]["group"], {"seen": 5, "unseen": 5, "unseen_with_a_twin": 0})
        self.assertGreater(self.result["halves"]["pattern"]["unseen_with_a_twin"], 0)

    def test_rows_of_several_sets(self):
        here = self.here
        write_set(here / "a.safetensors", [1, 2, 3], [0, 0, 1], [[1, 2], [3, 4], [5, 6]])
        write_set(here / "b.safetensors", [4], [0], [[7, 8]])
        a, b = (pattern_sets.Set(here / f"{name}.safetensors") for name in "ab")
        pattern_sets.write_rows(here / "c.safetensors", [(a, [0, 2]), (b, [0])])
        c = pattern_sets.Set(here / "c.safetensors")
        self.assertEqual((c.space_groups(), c.groups(), [c.pattern(row) for row in range(3)]),
                         ([1, 3, 4], [0, 1, 2], [array.array("H", of).tobytes() for of in ([1, 2], [5, 6], [7, 8])]))
        write_set(here / "d.safetensors", [4], [0], [[7, 8, 9]])
        with self.assertRaisesRegex(SystemExit, "d.safetensors: not on the grid of"):
            pattern_sets.write_rows(here / "e.safetensors", [(a, [0]), (pattern_sets.Set(here / "d.safetensors"), [0])])

    def test_what_was_trained_later_is_not_counted(self):
        folder = self.here / "out/npcnn_large"
        with open(folder / "metrics.jsonl", "a", encoding="utf-8") as log:
            log.write('{"step": 4, "loss": 9, "accuracy": 0.9, "elapsed_s": 999}\n')
        self.assertEqual(run.training_of(folder, 3)["seconds"], 180.0)

    def test_f1_by_patterns(self):
        self.assertEqual(run.weighted_f1([{"f1": 1.0, "count": 1}, {"f1": 0.5, "count": 3}, {"f1": 0.7, "count": 0}]), 0.625)

    def test_page(self):
        (self.here / "measured.csv").write_text("# quartz\n2theta_deg,intensity\n" + "".join(f"{5 + i / 10},{i}\n" for i in range(400)))
        for more in ([], ["--measured", self.here / "measured.csv"]):
            subprocess.run([sys.executable, "-B", PAPER / "page.py", self.here / "result.json", self.here / "page.html", *more], check=True)
            text = (self.here / "page.html").read_text()
            self.assertLess(len(text.encode()), 300 << 10)
            xml.dom.minidom.parseString(text.replace("<!doctype html>", "").replace('<meta charset="utf-8">', "")
                                        .replace('<meta name="viewport" content="width=device-width">', ""))
            self.assertEqual(text.count("<svg "), len(figures.FIGURES))
            self.assertNotIn("<script", text)
            self.assertNotIn("http", text)
            self.assertEqual(">measured<" in text, bool(more))
            for heading in ("Figure 4", "Figure 6", "Figure 7", "Figure 8", "Figure 9"):
                title = text[text.index(f"<h2>{heading}"):]
                self.assertIn("300 patterns each", title[:title.index("</h2>")])

    def test_tables(self):
        result = figures.Result(self.result)
        rows = dict((row[0], row) for row in page.accuracies(result)[1])
        self.assertEqual(rows["NPCNN, large"][3], "20.0 % (10..30) / 20.0 % (10..30)")
        self.assertEqual(rows["NPCNN, large"][-1], "74 % / 66 %")
        self.assertEqual(rows["NPCNN, souping"][3], "", "half of the set was in its training")
        self.assertEqual(page.trainings(result)[1][0], ["NPCNN, large", "3.0", "50.0 %", "0.33"])

    def test_tables_of_a_page(self):
        text = "before\n<!-- bench/paper leak -->\nold\n<!-- bench/paper end -->\nbetween\n<!-- bench/paper souping -->\n" \
               "<!-- bench/paper end -->\nafter\n"
        path = self.here / "measured.md"
        path.write_text(text)
        command = [sys.executable, "-B", PAPER / "page.py", self.here / "result.json", "--tables", path]
        self.assertEqual(subprocess.run([*command, "--check"], capture_output=True).returncode, 1)
        self.assertEqual(path.read_text(), text)
        subprocess.run(command, check=True)
        written = path.read_text()
        self.assertIn("before\n<!-- bench/paper leak -->\n| NPCNN; system", written)
        self.assertIn("|\n<!-- bench/paper end -->\nbetween\n", written)
        self.assertNotIn("old", written)
        self.assertEqual(subprocess.run([*command, "--check"], capture_output=True).returncode, 0)
        html = self.here / "checked.html"
        self.assertEqual(subprocess.run([*command[:4], html, "--check"], capture_output=True).returncode, 1)
        self.assertFalse(html.exists())
        with self.assertRaises(KeyError):
            page.with_tables(figures.Result(self.result), "<!-- bench/paper nothing -->\n<!-- bench/paper end -->")

    def test_a_run_that_is_missing_leaves_a_gap(self):
        found = {**self.result, "runs": [run_ for run_ in self.result["runs"] if run_["name"] == "npcnn_large"]}
        text = page.page(figures.Result(found), None)
        self.assertEqual(text.count("<svg "), len(figures.FIGURES))


if __name__ == "__main__":
    unittest.main()
