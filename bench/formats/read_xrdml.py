"""How long 1,000 .xrdml files of 8,000 points take to read on two threads: `bragg patterns show --json` in wall-clock seconds,
the best of three runs, and all of them. Fails above the target.

  read_xrdml.py BRAGG [--files 1000] [--points 8000] [--threads 2] [--most 4.0]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5" status="Completed">
  <sample type="To be analyzed"><id>{name}</id></sample>
  <xrdMeasurement measurementType="Scan" status="Completed" sampleMode="Reflection">
    <usedWavelength intended="K-Alpha">
      <kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2 unit="Angstrom">1.5444260</kAlpha2>
      <kBeta unit="Angstrom">1.3922500</kBeta><ratioKAlpha2KAlpha1>0.5000</ratioKAlpha2KAlpha1>
    </usedWavelength>
    <incidentBeamPath><radius unit="mm">240.00</radius>
      <xRayTube id="1" name="Cu"><tension unit="kV">45</tension><current unit="mA">40</current>
      <anodeMaterial>Cu</anodeMaterial></xRayTube>
    </incidentBeamPath>
    <scan appendNumber="0" mode="Continuous" scanAxis="Gonio" status="Completed">
      <header><startTimeStamp>2026-01-01T00:00:00+00:00</startTimeStamp></header>
      <dataPoints>
        <positions axis="2Theta" unit="deg"><startPosition>5.0</startPosition><endPosition>{end:.4f}</endPosition></positions>
        <positions axis="Omega" unit="deg"><startPosition>2.5</startPosition><endPosition>{half:.4f}</endPosition></positions>
        <commonCountingTime unit="seconds">1.000</commonCountingTime>
        <intensities unit="counts">{counts}</intensities>
      </dataPoints>
    </scan>
  </xrdMeasurement>
</xrdMeasurements>
"""


def write_files(folder, files, points):
    draw = random.Random(1)
    for i in range(files):
        counts = " ".join(str(draw.randint(80, 4000)) for _ in range(points))
        end = 5 + 0.01 * (points - 1)
        (folder / f"{i:04}.xrdml").write_text(DOCUMENT.format(name=i, end=end, half=end / 2, counts=counts))


def timed(command):
    begin = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return time.monotonic() - begin, result


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("bragg")
    arguments.add_argument("--files", type=int, default=1000)
    arguments.add_argument("--points", type=int, default=8000)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--most", type=float, default=4.0)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, given.files, given.points)
        command = [given.bragg, "patterns", "show", "--json", "--threads", str(given.threads), str(folder)]
        seconds = []
        for _ in range(3):
            took, result = timed(command)
            lines = [json.loads(line) for line in result.stdout.splitlines()]
            if result.returncode or len(lines) != given.files:
                sys.exit(f"{len(lines)} of {given.files} files read: {result.stderr[-500:]}")
            for line in lines:
                if line["scans"][0]["points"] != given.points or line["scans"][0]["wavelength"] != 1.540598:
                    sys.exit(f"read wrongly: {json.dumps(line)}")
            seconds.append(took)
    shown = ", ".join(f"{s:.2f}" for s in seconds)
    print(f"{given.files} files of {given.points} points, {given.threads} threads: {min(seconds):.2f} s (runs: {shown}); "
          f"at most {given.most} s")
    sys.exit(min(seconds) > given.most)


if __name__ == "__main__":
    main()
