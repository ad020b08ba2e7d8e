"""examples/demo.sh with trainings of 2 steps and patterns of two crystals to identify: its files, a second run, and the commands that it leaves; and likewise
examples/picture.sh.

  demo_test.py BRAGG
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BRAGG = ""
AWK = ["awk", "-f", str(ROOT / "examples/demo_results.awk")]


SHORT = {"BRAGG_DEMO_STEPS": "2", "BRAGG_PICTURE_STEPS": "2", "BRAGG_DEMO_CIFS": "data/crystals/ha*.cif"}


def run(command, **environment):
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **SHORT, **environment})


class Demo(unittest.TestCase):
    def test_runs_once_and_its_commands_run_again(self):
        with tempfile.TemporaryDirectory() as name:
            out = Path(name) / "it's a folder"
            cache = {"XDG_CACHE_HOME": str(Path(name) / "cache")}
            first = run(["sh", ROOT / "examples/demo.sh", BRAGG, out], **cache)
            self.assertEqual(first.returncode, 0, first.stderr[-2000:])
            answer = json.loads((out / "answer.json").read_text())
            self.assertEqual(answer["neighbours"][0]["name"], "quartz_alpha")
            self.assertIn("most like it: quartz_alpha\n", first.stdout)
            self.assertIn("of 173 right", (out / "results.txt").read_text())
            self.assertIn("Quartz, O2 Si", (out / "identified.txt").read_text())
            self.assertIn("space group            2 of   2 right: 100.0 %\n", (out / "identified_results.txt").read_text())
            models = {f: (out / f"fold{f}/model.safetensors").read_bytes() for f in (1, 2)}

            second = run(["sh", ROOT / "examples/demo.sh", BRAGG, out], **cache)
            self.assertEqual(second.returncode, 0, second.stderr[-2000:])
            self.assertNotIn("\n$ ", second.stdout, "a step that was up to date ran again")
            self.assertEqual(second.stdout.count("up to date: "), 21)

            for i in range(2):
                again = run(["sh", out / "commands.sh"], **cache)
                self.assertEqual(again.returncode, 0, f"{i}: {again.stderr[-2000:]}")
            for fold, model in models.items():
                self.assertEqual((out / f"fold{fold}/model.safetensors").read_bytes(), model, fold)

    def results(self, right, counts=(88, 85)):
        with tempfile.TemporaryDirectory() as name:
            files = []
            for fold, (k, n) in enumerate(zip(right, counts)):
                files.append(Path(name) / f"fold{fold}.json")
                files[-1].write_text(json.dumps({"patterns": n, "crystal_system": {"accuracy": k / n}}, indent=2))
            files.append(Path(name) / "systems.txt")
            files[-1].write_text("set: 173 crystals\n  triclinic          17\n  cubic              40\natoms per cell 2\n")
            return run([*AWK, *files]).stdout

    def test_the_interval_is_compared_with_the_majority(self):
        # Wilson's 95 % interval of 70 in 173: 33.4 .. 47.9 %; of 45 in 173: 20.0 .. 33.0 %; always cubic: 23.1 %.
        good = self.results((36, 34))
        self.assertIn("both      70 of 173 right:  40.5 %  (95 % interval 33.4 .. 47.9 %)\n", good)
        self.assertIn('majority  40 of 173 right:  23.1 %  (always "cubic")\n', good)
        self.assertIn("lies above", good)
        self.assertIn("does not lie above", self.results((23, 22)))

    def identified(self, rows):
        """What is counted of answers (name, refused, phase, candidate, formula, space group) about five structures."""
        crystals = [("salt", 225, "Cl4 Na4", "Halite"), ("left", 152, "O6 Si3", "Quartz"), ("solid", 12, "Al3.5 O8", "Solid"),
                    ("odd", 1, "B12", ""), ("noise", 2, "C8", "Noise")]
        with tempfile.TemporaryDirectory() as name:
            table, answers = Path(name) / "crystals.tsv", Path(name) / "identified.csv"
            table.write_text("name\tspace_group\thm\tformula\tmineral\n" +
                             "".join(f"{n}\t{g}\tx\t{f}\t{m}\n" for n, g, f, m in crystals))
            answers.write_text("file,refused,phase,candidate,candidate_formula,space_group\n" +
                               "".join(f'"a, b/{n}.xy",{",".join(rest)}\n' for n, *rest in rows))
            return run(["awk", "-f", ROOT / "examples/demo_identified.awk", table, answers]).stdout

    def test_what_is_identified_is_counted(self):
        text = self.identified([
            ("salt", "", "", "", "Cl Na", "225"),  # by the reduced formula, no verdict
            ("left", "", '"Quartz, ""low"""', "Quartz", "O2 Si", "154"),  # a mirror image, by name
            ("solid", "", "Other", "Other", "Al O", "12"),  # the group alone
            ("odd", "", "Other", "", "B", "2"),
            ("noise", '"no lines, at all"', "", "", "", "")])
        self.assertIn("  space group            3 of   5 right:  60.0 %\n", text)
        self.assertIn("  structure              2 of   5 right:  40.0 %\n", text)
        self.assertIn("  named as the phase     1 of   5 right:  20.0 %\n", text)
        self.assertIn("Refused: 1.\n", text)

    def test_the_picture_shows_what_the_network_says(self):
        with tempfile.TemporaryDirectory() as name:
            out = Path(name) / "answer's peaks"
            made = run(["sh", ROOT / "examples/picture.sh", BRAGG, out, "halite"])
            self.assertEqual(made.returncode, 0, made.stderr[-2000:])
            systems = json.loads((out / "answer_8.json").read_text())["crystal_system"]
            picture = xml.etree.ElementTree.parse(out / "picture.svg")
            texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
            shown = texts[texts.index("The network's answer") + 1:]
            self.assertEqual(shown[0:14:2], [system["name"] for system in systems])
            self.assertEqual(shown[1], f"{100 * systems[0]['probability']:.0f} %")
            self.assertIn("cubic, space group F m -3 m (225)", shown)


if __name__ == "__main__":
    BRAGG = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
