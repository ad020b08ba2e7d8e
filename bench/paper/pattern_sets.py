"""Pattern sets and crystal sets as bench/paper needs them: files of safetensors (docs/formats.md), read row by row, some rows of
several sets in a new one. Standard library alone.
"""
import array
import hashlib
import json
import mmap
import pathlib

CODES = {"F32": "f", "F64": "d", "U8": "B", "I8": "b", "U16": "H", "I16": "h", "U32": "I", "I32": "i", "U64": "Q", "I64": "q"}
OF_THE_GRID = ("two_theta_start", "two_theta_step", "wavelength")


class Set:
    """The tensors of a file: labels as lists of numbers, patterns as bytes."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = int.from_bytes(self.bytes[:8], "little")
        self.header = json.loads(self.bytes[8:8 + size])
        self.metadata = self.header.pop("__metadata__", {})
        self.begin = 8 + size

    def numbers(self, name):
        begin, end = self.header[name]["data_offsets"]
        values = array.array(CODES[self.header[name]["dtype"]])
        values.frombytes(self.bytes[self.begin + begin:self.begin + end])
        return values.tolist()

    def space_groups(self):
        return self.numbers("space_group")

    def groups(self):
        """Patterns of one are near-identical."""
        return self.numbers("group")

    def size(self):
        return self.header["space_group"]["shape"][0]

    def dtype(self):
        return self.header["patterns"]["dtype"]

    def points(self):
        return self.header["patterns"]["shape"][1]

    def grid(self):
        """What has to agree for patterns to lie in one set."""
        return {"dtype": self.dtype(), "points": self.points(), **{key: self.metadata[key] for key in OF_THE_GRID if key in self.metadata}}

    def pattern(self, row):
        length = self.points() * array.array(CODES[self.dtype()]).itemsize
        begin = self.begin + self.header["patterns"]["data_offsets"][0] + row * length
        return self.bytes[begin:begin + length]


def write_rows(path, parts):
    """A pattern set of (set, rows) one after the other; groups of different sets stay apart. Sets on unlike grids or of unlike
    numbers are refused."""
    first = parts[0][0]
    space_groups, groups, offset = [], [], 0
    for one, rows in parts:
        if one.grid() != first.grid():
            raise SystemExit(f"{one.path}: not on the grid of {first.path}")
        all_space_groups, all_groups = one.space_groups(), one.groups()
        space_groups += [all_space_groups[row] for row in rows]
        groups += [offset + all_groups[row] for row in rows]
        offset += max(all_groups) + 1
    pattern_bytes = len(first.pattern(0))
    n = len(space_groups)
    header = {"__metadata__": {key: value for key, value in first.grid().items() if key in OF_THE_GRID}}
    at = 0
    for name, dtype, shape, size in (("patterns", first.dtype(), [n, first.points()], n * pattern_bytes),
                                     ("space_group", "I32", [n], 4 * n), ("group", "I32", [n], 4 * n)):
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    beside = pathlib.Path(f"{path}.new")
    with open(beside, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for one, rows in parts:
            for row in rows:
                file.write(one.pattern(row))
        file.write(array.array("i", space_groups).tobytes() + array.array("i", groups).tobytes())
    beside.rename(path)


def by_hash(keys):
    """In an order that depends on nothing but the keys."""
    return sorted(keys, key=lambda key: hashlib.sha256(str(key).encode()).digest())


def halves(groups, whole_groups):
    """Rows of two halves: of whole groups, or of single patterns whatever groups they share."""
    if not whole_groups:
        rows = by_hash(range(len(groups)))
        return sorted(rows[:len(rows) // 2]), sorted(rows[len(rows) // 2:])
    first, second = [], []
    for group in by_hash(set(groups)):
        rows = [row for row, of in enumerate(groups) if of == group]
        (first if 2 * (len(first) + len(rows)) <= len(groups) else second).extend(rows)
    return sorted(first), sorted(second)


def with_elements(crystals, wanted):
    """Rows of the crystals of a crystal set that have one of these atomic numbers."""
    offsets, numbers = crystals.numbers("site_offset"), crystals.numbers("site_atomic_number")
    return [row for row in range(crystals.size()) if wanted & set(numbers[offsets[row]:offsets[row + 1]])]
