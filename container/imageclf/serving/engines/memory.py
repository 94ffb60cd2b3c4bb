"""Gives memory that loading a network took, and freed, back to the system."""

import ctypes


def give_back() -> None:
    """Return what glibc keeps of freed memory: more than a network's weights after loading them."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)
