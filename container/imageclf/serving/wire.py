"""How gateway and worker speak over the worker's own socket: one message each, in turn.

A message is the lengths of its two parts (four bytes each, network order), a JSON object, and a
body. A request has the headers for the worker, an answer has `status` and `content-type`.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

LENGTHS = struct.Struct("!II")
SUFFIX = ".sock"
"""A worker's socket is called `<process id>.sock`, in the folder of its model."""

FIELDS_BYTES = 64 * 1024
"""Most that the JSON object of a request may have."""


def head(fields: Mapping[str, Any], body_bytes: int) -> bytes:
    """All of a message but its body."""
    text = json.dumps(fields).encode()
    return LENGTHS.pack(len(text), body_bytes) + text
