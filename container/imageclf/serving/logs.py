"""The log of serving: one JSON object a line, on standard output."""

import json
import logging
import os
import sys
import time
import traceback
from typing import Any


def write(level: str, message: str, **fields: Any) -> None:
    """Write one line; `fields` follow time, level and message."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {"time": f"{stamp}.{int(now * 1000) % 1000:03d}Z", "level": level, "message": message}
    raw(json.dumps(line | fields))


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


def fault(message: str, cause: BaseException, **fields: Any) -> None:
    """Write a line that something failed that never should, with where it did."""
    error(message, **fields, traceback="".join(traceback.format_exception(cause)))


def capture() -> None:
    """Write what libraries log, from warnings on, as such lines too."""
    logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)
    # It warns of every request that is not HTTP: what others send, not what is wrong with us.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        if cause is not None:
            fault(record.getMessage(), cause, source=record.name)
        else:
            write(record.levelname, record.getMessage(), source=record.name)
