"""Processes that outlive whoever started them: recognised again by number and time of start."""

from typing import Any

import psutil

Identity = dict[str, Any]
"""`pid`, and `started` in seconds since 1970; JSON."""

_CLOCK_STEP_S = 2.0
"""The system's clock, and with it the time of start that is shown, may be set right meanwhile."""


def identity(pid: int) -> Identity:
    """What finds the process again; of one that has ended already, what finds nothing."""
    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time()}
    except psutil.Error:
        return {"pid": pid, "started": 0.0}


def is_alive(known: Identity) -> bool:
    """Whether that very process, and not a later one of the same number, still runs."""
    try:
        process = psutil.Process(int(known["pid"]))
        if abs(process.create_time() - float(known["started"])) > _CLOCK_STEP_S:
            return False
        return bool(process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
    except psutil.Error:
        return False
