"""Scalars for TensorBoard: its event files, with nothing but scalars in them."""

from collections.abc import Mapping
from pathlib import Path


class Board:
    """Writes into `folder`; nothing at all when it is None.

    `fault` says in a sentence why writing ended early.
    """

    def __init__(self, folder: Path | None) -> None:
        self.fault = ""
        self._folder = folder

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Values of a step by their tags; what is not a finite number is left out."""

    def close(self) -> None:
        """Nothing more will come."""
