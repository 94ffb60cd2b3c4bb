"""A request to the handler as it comes over the network."""

from imageclf.serving.jobs import Request


def as_http(request: Request, line: bytes, more: bytes = b"") -> bytes:
    """Its bytes; it is the last one of its connection."""
    head = line + b"\r\nHost: a\r\nConnection: close\r\n"
    for name, value in (
        ("Content-Type", request.content_type),
        ("Accept", request.accept),
        ("X-Amzn-SageMaker-Custom-Attributes", request.attributes),
    ):
        if value:
            head += f"{name}: {value}\r\n".encode(errors="replace")
    return head + more + b"Content-Length: %d\r\n\r\n" % len(request.body) + request.body
