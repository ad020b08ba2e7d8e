"""Runs the commands that README.md and docs/*.md show, so that they cannot drift from the program.

  readme_test.py BRAGG

A block that begins with ```sh is run by sh -e, the blocks of a file in their order and in one folder; every line that begins
with "bragg" must stand in such a block. What is the reader's own stands in for by FILES, made from data/crystals; long work is
cut by the program that SHORT puts before bragg. Flags in running text (`bragg info --plan run.toml`) must be in its --help.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BRAGG = ""

# Trainings of 3 steps with a narrow hidden layer, 40 synthetic crystals.
SHORT = """#!/bin/sh
case "$1 $2" in
  train*) exec {bragg} "$@" --set train.steps=3 --set train.batch=2 --set model.dense=[16] --set model.dropout=0.1 ;;
  'crystals generate') shift 3; exec {bragg} crystals generate 40 "$@" ;;
esac
exec {bragg} "$@"
"""

# What a reader of the file has before its first command, made by these.
FILES = """
{bragg} crystals import data/crystals -o all.safetensors
{bragg} simulate data/crystals/halite.cif --recipe realistic -o measured.xy
for set in measured labelled rruff_dev; do {bragg} simulate all.safetensors --recipe realistic -o $set.safetensors; done
rm all.safetensors
"""


def blocks(text):
    """(language, lines) of the fenced blocks of a text."""
    return [(m[1], m[2]) for m in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]


def unchecked(text):
    """Lines with a bragg command outside of the blocks that are run."""
    return [line for language, body in blocks(text) if language != "sh" for line in body.splitlines()
            if line.startswith("bragg ")]


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def prepare(folder):
    for name in ("data", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "my_cifs").mkdir()
    cifs = sorted((ROOT / "data/crystals").glob("*.cif"))
    for cif in cifs[::2]:
        shutil.copy(cif, folder / "my_cifs")
    text = "\n".join(cif.read_text() for cif in cifs)
    for name in ("more.cif.gz", "minerals.cif.gz", "crystals.cif.gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    subprocess.run(["sh", "-e", "-c", FILES.format(bragg=BRAGG)], cwd=folder, check=True, capture_output=True)
    short = folder / "bin" / "bragg"
    short.parent.mkdir()
    short.write_text(SHORT.format(bragg=BRAGG))
    short.chmod(0o755)


class Readme(unittest.TestCase):
    def test_commands_run_as_they_stand(self):
        for page in pages():
            shell = [body for language, body in blocks(page.read_text()) if language == "sh"]
            if not shell:
                continue
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                prepare(folder)
                environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
                for body in shell:
                    run = subprocess.run(["sh", "-ex"], input=body, text=True, cwd=folder, env=environment,
                                         capture_output=True)
                    self.assertEqual(run.returncode, 0, f"{page.name}:\n{run.stderr[-3000:]}")

    def test_every_command_stands_in_a_block_that_is_run(self):
        for page in pages():
            self.assertEqual(unchecked(page.read_text()), [], page.name)
        self.assertEqual(unchecked("```\nbragg info\n```\n```sh\nbragg train\n```\n"), ["bragg info"])

    def test_flags_in_running_text_are_in_the_help(self):
        count = 0
        for page in pages():
            text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
            for command in re.findall(r"`bragg ([^`]*)`", text):
                words = command.split()
                names = []
                for word in words:
                    if re.fullmatch(r"[a-z]+", word) and len(names) < 2:
                        names.append(word)
                    else:
                        break
                if words[0] in ("train", "simulate", "evaluate", "predict", "info"):
                    names = names[:1]
                help_text = subprocess.run([BRAGG, *names, "--help"], capture_output=True, text=True)
                self.assertEqual(help_text.returncode, 0, command)
                for flag in re.findall(r"(?<!\S)--?[a-z][a-z-]*", command):
                    self.assertIn(flag, re.findall(r"--?[a-z-]+", help_text.stdout), f"{page.name}: {command}")
                    count += 1
        self.assertGreater(count, 0)

    def test_links_between_pages_lead_somewhere(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"\n\s*", " ", page.read_text())):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    BRAGG = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
