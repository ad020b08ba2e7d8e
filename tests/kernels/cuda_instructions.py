#!/usr/bin/env python3
"""What the compiled CUDA kernels do, counted from their machine code for sm_90a, against the committed table: a change that
makes a kernel's way to memory longer is seen when it is made, GPU or not.

    cuda_instructions.py --objects build/release/kernels/CMakeFiles/bragg_kernels.dir/cuda [--cuobjdump PROGRAM]
        compares with cuda_instructions.tsv; 77 where there is nothing to read it with, or another compiler than the table's
    ... --write FILE          writes what was found

Of a kernel that multiplies matrices by wgmma the way from the last wait for the products to the exit (or to the next tile) is
counted, and of one that makes an operand for them a turn of that loop, too, or of one that changes it the same; of any other the whole kernel: along the longest way through the branches, loops weighted by how often they are
run (see trips).

cuobjdump is the toolkit's or, where that has none, the one in the PyPI package triton (backends/nvidia/bin)."""
import argparse
import functools
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

TABLE = pathlib.Path(__file__).with_name("cuda_instructions.tsv")
COLUMNS = ("instructions", "an element", "loads in flight", "shared an element", "random products an element", "fp64", "local")
INSTRUCTION = re.compile(r"/\*([0-9a-f]{4,})\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][\w.]*)\s*([^;]*);")
# Multipliers of Philox4x32 (random.h), as the disassembler prints them: at most ten of each in a call.
PHILOX = re.compile(r"-0x326172a9|0xcd9e8d57|-0x2daee0ad|0xd2511f53")


class Instruction:
    def __init__(self, address, predicate, name, operands):
        self.address, self.predicate, self.name, self.operands = address, predicate, name, operands

    @property
    def op(self):
        return self.name.split(".")[0]

    def target(self):
        """The address that it may go on at, or None."""
        if self.op not in ("BRA", "CALL"):
            return None
        found = re.search(r"0x([0-9a-f]+)\s*$", self.operands.strip())
        return int(found.group(1), 16) if found else None

    def registers(self):
        """Those that it writes first, as a set, and those that it reads."""
        parts = self.operands.split(",")
        width = 4 if ".128" in self.name else 2 if ".64" in self.name or ".WIDE" in self.name else 1
        first = re.fullmatch(r"R(\d+)", parts[0].strip())
        written = set(range(int(first.group(1)), int(first.group(1)) + width)) if first else set()
        read = {int(r) for r in re.findall(r"\bR(\d+)\b", ",".join(parts[1:] if first else parts))}
        return written, read


def functions_of(listing):
    """Mangled name -> instructions, from what cuobjdump -sass prints."""
    functions, current = {}, None
    for line in listing.splitlines():
        head = re.match(r"\s*Function : (\S+)", line)
        if head:
            current = functions.setdefault(head.group(1), [])
        found = INSTRUCTION.search(line)
        if found and current is not None:
            current.append(Instruction(int(found.group(1), 16), found.group(2), found.group(3), found.group(4)))
    return functions


def trips(body):
    """How often a loop is run that consists of these instructions."""
    if any(i.op == "DMUL" for i in body):
        return 17  # powers by squaring: a hundred thousand steps
    return 1


def start_of(code):
    """The index behind the last wait for products; 0 where there are none."""
    waits = [n for n, i in enumerate(code) if i.name.startswith("WARPGROUP.DEPBAR")]
    return waits[-1] + 1 if waits else 0


def blocks_of(code):
    """First index -> (last index, first indices of the blocks behind)."""
    at = {i.address: n for n, i in enumerate(code)}
    ends = ("BRA", "EXIT", "RET", "BRX")
    leaders = {0, start_of(code)} | {n + 1 for n, i in enumerate(code) if i.op in ends and n + 1 < len(code)}
    leaders |= {at[i.target()] for i in code if i.op == "BRA" and i.target() in at}
    ordered = sorted(leaders)
    blocks = {}
    for first, after in zip(ordered, ordered[1:] + [len(code)]):
        last = code[after - 1]
        goes_on = []
        if last.op == "BRA" and last.name != "BRA.DIV" and last.target() in at:  # .DIV: a warp that fell apart
            goes_on.append(at[last.target()])
        conditional = last.predicate is not None or "P" in last.operands.split(",")[0] or last.name == "BRA.DIV"
        if after < len(code) and (last.op not in ends or conditional):
            goes_on.append(after)
        blocks[first] = (after - 1, goes_on)
    return blocks


def weights_of(code, blocks, start):
    """Block -> how often it is run: the product of the trips of the loops that it is in, those behind `start`."""
    weights = {first: 1 for first in blocks}
    for first, (last, goes_on) in blocks.items():
        for to in goes_on:
            if start <= to <= first and reaches(blocks, to, first, start):
                inside = [b for b in blocks if to <= b <= first and reaches(blocks, b, first, to)]
                count = trips([i for b in inside for i in code[b:blocks[b][0] + 1]])
                for block in inside:
                    weights[block] *= count
    return weights


def reaches(blocks, begin, end, floor):
    """Whether one comes from a block to another without going below `floor`."""
    seen, left = set(), [begin]
    while left:
        block = left.pop()
        if block == end:
            return True
        if block in seen or block < floor:
            continue
        seen.add(block)
        left += blocks[block][1]
    return False


def longest_way(code):
    """The instructions on the longest way from the start to an end, with how often each is run."""
    start, blocks = start_of(code), blocks_of(code)
    return with_calls(code, way_through(code, blocks, weights_of(code, blocks, start), start))


def way_through(code, blocks, weights, start):
    """The longest way from the block `start` on that goes forward, through blocks that have a weight."""
    sys.setrecursionlimit(20000)

    @functools.lru_cache(maxsize=None)
    def length(first):
        last, goes_on = blocks[first]
        own = weights[first] * (last + 1 - first)
        return own + max((length(to) for to in goes_on if to > first and to in weights), default=0)

    way, at = [], start
    while at is not None:
        last, goes_on = blocks[at]
        way += [(i, weights[at]) for i in code[at:last + 1]]
        at = max((to for to in goes_on if to > at and to in weights), key=length, default=None)
    return way


def way_of_making(code):
    """A turn of the loop that lays down an operand beside the one that TMA brings: of those with stores to shared memory and TMA the
    shortest. Nothing where there is none."""
    blocks, found = blocks_of(code), []
    for first, (last, goes_on) in blocks.items():
        for to in goes_on:
            if to > first:
                continue
            inside = {b: 1 for b in blocks if to <= b <= first and reaches(blocks, to, b, to) and reaches(blocks, b, first, to)}
            ops = {i.op for b in inside for i in code[b:blocks[b][0] + 1]}
            if {"STS", "UTMALDG"} <= ops and "HGMMA" not in ops:
                found.append(way_through(code, blocks, inside, to))
    return min(found, key=len, default=[])


def way_of_changing(name, code):
    """A turn of the loop that changes a stage of an operand where TMA brought it: a loop over the stage's boxes, where it has several,
    and a fence. Nothing where there is none."""
    blocks, loops = blocks_of(code), {True: [], False: []}
    for first, (last, goes_on) in blocks.items():
        for to in goes_on:
            if to > first:
                continue
            inside = {b: 1 for b in blocks if to <= b <= first and reaches(blocks, to, b, to) and reaches(blocks, b, first, to)}
            names = [i.name for b in inside for i in code[b:blocks[b][0] + 1]]
            if {"LDS.128", "STS.128"} <= set(names) and not any(n.startswith(("UTMALDG", "HGMMA", "HMMA", "STG")) for n in names):
                loops[any(n.startswith("FENCE") for n in names)].append(way_through(code, blocks, inside, to))
    box, stage = (min(found, key=len, default=[]) for found in (loops[False], loops[True]))
    return (boxes_of(name) - 1) * box + stage


def boxes_of(name):
    """Of a stage of A by rows of k: one for every 64 columns."""
    found = re.match(r"gemm_wgmma<WgmmaTile<(\d+), \d+, \(Contiguous\)1,", name)
    return int(found.group(1)) // 64 if found else 1


def gives_it_over(way):
    """Whether what threads wrote is seen by products before they are told: the fence behind the last store, the arrival behind that."""
    names = [i.name for i, _ in way]
    at = lambda start: max((n for n, name in enumerate(names) if name.startswith(start)), default=-1)
    return -1 < at("STS") < at("FENCE.VIEW.ASYNC") < at("SYNCS.ARRIVE")


def with_calls(code, way):
    """The same with what is called, up to its return, where that draws random numbers: other functions are the slow ways of
    divisions and roots, for numbers that are not normal."""
    at = {i.address: n for n, i in enumerate(code)}
    result = []
    for instruction, weight in way:
        result.append((instruction, weight))
        if instruction.op == "CALL" and instruction.target() in at:
            called = code[at[instruction.target()]:]
            end = next((n for n, i in enumerate(called) if i.op == "RET"), len(called) - 1)
            if any(PHILOX.search(i.operands) for i in called[:end]):
                result += [(i, weight) for i in called[:end + 1]]
    return result


def loads_in_flight(way):
    """The most global loads that were asked for before one of them is used."""
    most, pending, count = 0, set(), 0
    for instruction, _ in way:
        written, read = instruction.registers()
        if read & pending:
            pending, count = set(), 0
        if instruction.op == "LDG" and instruction.predicate != "!PT":
            pending |= written
            count += 1
            most = max(most, count)
        else:
            pending -= written
    return most


def wavefronts(instruction):
    """Words of 128 bytes that a warp moves to or from shared memory, without bank conflicts."""
    if instruction.op in ("LDSM", "STSM"):
        return 4 if ".4" in instruction.name else 2 if ".2" in instruction.name else 1
    if instruction.op in ("LDS", "STS"):
        return 4 if ".128" in instruction.name else 2 if ".64" in instruction.name else 1
    return 1 if instruction.op in ("SHFL", "ATOMS") else 0


def elements_of(name):
    """Results that a thread of the kernel stores on the way; 0: not known."""
    found = re.match(r"gemm_wgmma<WgmmaTile<(\d+), (\d+),", name)
    if found:
        return int(found.group(1)) * int(found.group(2)) // 256
    found = re.match(r"gemm_wgmma_in_turns<TurnsTile<(\d+),", name)
    if found:
        return int(found.group(1))  # 128 rows by the threads of a warpgroup
    return 128 if name.startswith("conv_pool") else 0  # 8 channels of 8 outputs of two rows


def counts_of(name, code):
    return counts_of_way(name, longest_way(code))


def counts_of_way(name, way):
    elements = elements_of(name)
    total = sum(weight for _, weight in way)
    shared = sum(weight * wavefronts(i) for i, weight in way)
    random = sum(weight for i, weight in way if i.op == "IMAD" and PHILOX.search(i.operands))
    per = lambda value, digits: f"{value / elements:.{digits}f}" if elements else "-"
    return (str(total), per(total, 1), str(loads_in_flight(way)), per(shared, 2), per(random, 2),
            str(sum(weight for i, weight in way if re.match(r"D(MUL|ADD|FMA|SETP)$", i.op))),
            str(sum(weight for i, weight in way if i.op in ("LDL", "STL"))))


def waits_first(code):
    """Whether a kernel waits for the one before it (device/previous_kernel.cuh) ahead of all that it reads and writes: a compiler
    may bring forward a load of what it takes to be constant."""
    memory = re.compile(r"(LDG|STG|LD|ST|ATOMG?|RED|LDGSTS|UTMALDG|CCTL)$")
    waits = [i.address for i in code if i.op == "ACQBULK"]
    touches = [i.address for i in code if memory.match(i.op)]
    return not touches or bool(waits) and waits[0] < min(touches)


def readable(mangled):
    """Names as cuda_resources.tsv has them: without namespaces and parameters."""
    text = subprocess.run(["c++filt"], input="\n".join(mangled), capture_output=True, text=True, check=True).stdout
    return [without_parameters(line) for line in text.splitlines()]


def without_parameters(name):
    for word in ("(anonymous namespace)::", "bragg::cuda::", "bragg::", "void "):
        name = name.replace(word, "")
    depth = 0
    for at, letter in enumerate(name):
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0:
            return name[:at]
    return name


def find_cuobjdump(given):
    if given:
        return given
    for place in (shutil.which("cuobjdump"), "/usr/local/cuda/bin/cuobjdump"):
        if place and pathlib.Path(place).exists():
            return place
    package = importlib.util.find_spec("triton")
    for folder in (package.submodule_search_locations or []) if package else []:
        program = pathlib.Path(folder) / "backends/nvidia/bin/cuobjdump"
        if program.exists():
            return str(program)
    return None


def found_in(objects, cuobjdump):
    """Kernel -> its counts, of all objects of a build; and the kernels that do not wait for the one before, or whose products do
    not wait for what threads wrote."""
    table, hasty = {}, []
    for path in sorted(pathlib.Path(objects).rglob("*.cu.o")):
        listing = subprocess.run([cuobjdump, "-sass", "-arch", "sm_90a", str(path)], capture_output=True, text=True,
                                 check=True, env={"PATH": f"{pathlib.Path(cuobjdump).parent}:/usr/bin:/bin"}).stdout
        functions = functions_of(listing)
        names = readable(list(functions))
        for name, code in zip(names, functions.values()):
            if len(code) > 8 and not name.startswith(("cub::", "cub_")) and "cub::" not in name:  # not others' kernels
                table[name] = counts_of(name, code)
                making = way_of_making(code)
                if making:
                    table[f"{name}, a stage"] = counts_of_way("", making)
                changing = way_of_changing(name, code) if ", Normalised>" in name else []
                if changing:
                    table[f"{name}, a stage"] = counts_of_way("", changing)
                if ", Normalised>" in name and name.startswith("gemm_wgmma") and not gives_it_over(changing):
                    hasty.append(name)
                if not waits_first(code):
                    hasty.append(name)
    return table, hasty


def read(path):
    lines = path.read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return lines[0], {row[0]: tuple(row[1:]) for row in rows}


def write(path, head, table):
    lines = [head, "# kernel, sm_90a\t" + "\t".join(COLUMNS)]
    lines += ["\t".join((name,) + counts) for name, counts in sorted(table.items())]
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


def differences(expected, found):
    lines = []
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            text = lambda counts: ", ".join(f"{c} {v}" for c, v in zip(COLUMNS, counts)) if counts else "no such kernel"
            lines.append(f"{name}:\n  the table says {text(expected.get(name))}\n  this build     {text(found.get(name))}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", required=True)
    parser.add_argument("--cuobjdump")
    parser.add_argument("--compiler", default="", help="nvcc's version: the table is that of one")
    parser.add_argument("--write")
    options = parser.parse_args()
    cuobjdump = find_cuobjdump(options.cuobjdump)
    if not cuobjdump:
        print("skipped: no cuobjdump")
        return 77
    head = f"# nvcc {options.compiler}"
    if not options.write and read(TABLE)[0] != head:
        print(f"skipped: the table is that of {read(TABLE)[0][2:]}, this is {head[2:]}")
        return 77
    found, hasty = found_in(options.objects, cuobjdump)
    if not found:
        print(f"no kernels under {options.objects}", file=sys.stderr)
        return 1
    for name in hasty:
        print(f"{name} touches memory before it has waited for the kernel before it, or multiplies what threads wrote before it "
              "is seen", file=sys.stderr)
    if options.write:
        write(options.write, head, found)
        return 1 if hasty else 0
    lines = differences(read(TABLE)[1], found)
    if lines:
        print("\n".join(lines), f"if this is meant: {' '.join(sys.argv)} --write {TABLE}", sep="\n", file=sys.stderr)
    return 1 if lines or hasty else 0


if __name__ == "__main__":
    sys.exit(main())
