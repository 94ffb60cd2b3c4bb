"""Imports without the garbage collector, in a process of its own."""

import subprocess
import sys

PROGRAM = """
import gc
from imageclf import startup

looked = []
gc.callbacks.append(lambda phase, facts: looked.append(phase))
try:
    with startup.imports():
        import torch, {more}
except ImportError:
    pass
during, kept, enabled = len(looked), gc.get_freeze_count(), gc.isenabled()
gc.collect()
print(during, kept > 100_000, enabled, len(looked))
"""


def run(more: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(more=more)],
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


def test_the_collector_rests_during_imports_and_works_afterwards() -> None:
    assert run("math") == "0 True True 2\n"


def test_it_works_again_after_an_import_that_failed() -> None:
    assert run("absent") == "0 True True 2\n"
