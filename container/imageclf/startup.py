"""Imports of large libraries without the garbage collector, which finds nothing among them.

torch makes half a million objects while it is imported, none of them garbage. The collector looks
through them again and again, and once more when the process ends: with torchvision that is 2 of 5
seconds. So it rests meanwhile, and never looks at what was there before it begins; processes that
are forked later then share that memory for good.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imports() -> Iterator[None]:
    """Import in this block; what the process holds at its end is kept until the process ends.

    Within another such block, or where the collector is off anyway, it does nothing.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
