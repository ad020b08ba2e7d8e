"""Runs the commands that README.md and docs/*.md show, so that they cannot drift from the program; and holds what else a
test can hold of these pages: flags, links, paths, the keys and tensors of files.

  readme_test.py BRAGG

A block that begins with ```sh is run by sh -e, the blocks of a file in their order and in one folder; every line that begins
with "bragg" must stand in such a block. What is the reader's own stands in for by FILES, made from data/crystals; long work is
cut by the program that SHORT puts before bragg. Flags in running text (`bragg info --plan run.toml`) must be in its --help.
"""

import gzip
import json
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


def all_pages():
    """Those without commands, too."""
    return [*pages(), *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "THIRD_PARTY.md"))]


def missing_paths(text):
    """What stands between backticks like a file or folder of the repository and is none."""
    found = re.findall(r"`((?:kernels|xrd|nn|data|apps|bench|tests|docs|examples)/[\w./-]*)`", text)
    return [path for path in found if not (ROOT / path).exists()]


def header(path):
    """Metadata and tensors' names of a safetensors file."""
    with path.open("rb") as file:
        entries = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return entries.pop("__metadata__", {}), entries


def prepare(folder):
    for name in ("data", "examples", "models"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "my_cifs").mkdir()
    cifs = sorted((ROOT / "data/crystals").glob("*.cif"))
    for cif in cifs[::2]:
        shutil.copy(cif, folder / "my_cifs")
    text = "\n".join(cif.read_text() for cif in cifs)
    for name in ("more.cif.gz", "minerals.cif.gz", "crystals.cif.gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    blocks_of = re.findall(r"^data_(\S+)", text, re.M)
    table = ["block\tkind\tknown"]
    for i, block in enumerate(blocks_of):
        table.append(f"{block}\t{'exp' if i % 2 else 'dft'}\t{'IC' if i % 4 else ''}")
    (folder / "crystals.tsv.gz").write_bytes(gzip.compress("\n".join(table).encode()))
    (folder / "not_to_ship.tsv").write_text(f"block\n{blocks_of[0]}\n")
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
                environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                               "XDG_CACHE_HOME": str(folder / "cache")}
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

    def test_files_hold_what_the_page_of_formats_says(self):
        page = (ROOT / "docs/formats.md").read_text()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            prepare(folder)
            for command in (["crystals", "import", "data/crystals", "-o", "crystals.safetensors"],
                            ["train", "examples/crystal_system.toml", "--set", "data.crystals=crystals.safetensors",
                             "--out", "run"]):
                subprocess.run([folder / "bin" / "bragg", *command], cwd=folder, check=True, capture_output=True)
            for file in ("crystals", "measured", "run/model", "run/last"):
                metadata, tensors = header(folder / f"{file}.safetensors")
                self.assertTrue(metadata and tensors, file)
                numbered = {re.sub(r"^(conv|dense)\d+", r"\1I", tensor) for tensor in tensors}
                named = {re.sub(r"[.][mv]$", "", tensor) for tensor in numbered}
                offsets = {tensor for tensor in named if tensor.endswith("_offset")}  # said once for all names
                words = {*metadata, *(named - offsets), *(tensor[:-len("_offset")] for tensor in offsets)} - {"site", "operator"}
                self.assertEqual({word for word in words if f"`{word}`" not in page}, set(), file)

    def test_what_is_built_with_is_listed(self):
        packages = re.findall(r"\b(?:lib|tao-|gemmi|nlohmann|zlib)[\w+-]*-dev\b", (ROOT / "run").read_text())
        self.assertGreater(len(packages), 8)
        listed = (ROOT / "THIRD_PARTY.md").read_text()
        self.assertEqual([name for name in packages if f"`{name}`" not in listed], [])

    def test_one_version_everywhere(self):
        version = re.search(r"project\(bragg VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
        for name, line in (("CITATION.cff", f"\nversion: {version}\n"), ("CHANGELOG.md", f"\n## {version}")):
            self.assertIn(line, (ROOT / name).read_text(), name)

    def test_readme_is_short_and_begins_with_its_picture(self):
        lines = (ROOT / "README.md").read_text().splitlines()
        self.assertLessEqual(len(lines), 150)
        self.assertRegex(lines[2], r"^!\[[^]]+\]\(docs/picture[.]svg\)$")
        self.assertLess((ROOT / "docs/picture.svg").stat().st_size, 60_000)

    def test_paths_in_running_text_are_there(self):
        for page in all_pages():
            self.assertEqual(missing_paths(page.read_text()), [], page.name)
        self.assertEqual(missing_paths("`kernels/base/` and `kernels/nowhere.h`"), ["kernels/nowhere.h"])

    def test_links_between_pages_lead_somewhere(self):
        for page in all_pages():
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"\n\s*", " ", page.read_text())):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    BRAGG = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
