"""One thread for each process that a test starts: tests run side by side on few cores.

The garbage collector rests until the tests are collected, of which nothing is garbage: that takes
half the time.
"""

import gc
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
