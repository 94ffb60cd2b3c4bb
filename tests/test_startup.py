"""Imports without the garbage collector, in a process of its own."""

import subprocess
import sys

COUNTED = """
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

WITHIN = """
import gc
from imageclf import startup

with startup.imports():
    with startup.imports():
        pass
    print(gc.isenabled(), gc.get_freeze_count())
print(gc.isenabled(), gc.get_freeze_count() > 0)
"""


def output(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout


def test_the_collector_rests_during_imports_and_works_afterwards() -> None:
    assert output(COUNTED.format(more="math")) == "0 True True 2\n"


def test_it_works_again_after_an_import_that_failed() -> None:
    assert output(COUNTED.format(more="absent")) == "0 True True 2\n"


def test_a_block_within_another_leaves_the_end_to_that_one() -> None:
    assert output(WITHIN) == "False 0\nTrue True\n"
