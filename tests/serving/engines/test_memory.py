import subprocess
import sys

PROGRAM = """
from pathlib import Path
from imageclf.serving.engines.memory import give_back

def kib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

pieces = [bytes(100_000) + bytes([1]) * 4000 for _ in range(2000)]
kept = pieces[::50]
del pieces
before = kib()
give_back()
assert kib() < before - 100_000, (before, kib())
"""


def test_freed_memory_goes_back_to_the_system() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
