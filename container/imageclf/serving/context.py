"""The context that multi-model-server hands to a handler, as far as it is used."""

from collections.abc import Mapping
from typing import Any, Protocol


class Context(Protocol):
    """What is known of a model, and of each request in a batch by its index."""

    @property
    def system_properties(self) -> Mapping[str, Any]: ...

    def get_all_request_header(self, idx: int) -> Mapping[str, Any]: ...

    def set_response_status(self, code: int, phrase: str, idx: int) -> None: ...

    def set_response_content_type(self, idx: int, value: str) -> None: ...
