"""The log of serving: one JSON object a line, on standard output."""

import json
import os
import sys
import time
from typing import Any


def write(level: str, message: str, **fields: Any) -> None:
    """Write one line; `fields` follow time, level and message."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {"time": f"{stamp}.{int(now * 1000) % 1000:03d}Z", "level": level, "message": message}
    raw(json.dumps(line | fields, ensure_ascii=False))


def raw(line: str) -> None:
    """Pass on a line that is JSON already; in one write, since several processes share the log."""
    data = (line + "\n").encode(errors="replace")
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), data)


def info(message: str, **fields: Any) -> None:
    """Write a line that is ordinary."""
    write("INFO", message, **fields)


def warning(message: str, **fields: Any) -> None:
    """Write a line that somebody should know of."""
    write("WARN", message, **fields)


def error(message: str, **fields: Any) -> None:
    """Write a line that something failed."""
    write("ERROR", message, **fields)
