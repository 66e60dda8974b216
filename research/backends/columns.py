"""Values that wait to be sent: a variable's, in their order."""

from __future__ import annotations

from typing import Any

from research.events import Block
from research.storage.encoding import encode_block


class Column:
    """Values of one variable that have not been sent."""

    __slots__ = ("first", "iterations", "number", "values")

    def __init__(self) -> None:
        self.iterations: list[int] = []
        self.values: list[Any] = []
        self.number = 0  # of the next block
        self.first: tuple[int, Any] | None = None  # the only value so far, sent as such

    def take_block(self, variable: str) -> Block | None:
        """Encode what there is and forget it."""
        if not self.values:
            return None
        iterations, values = self.iterations, self.values
        self.iterations, self.values = [], []
        if self.number == 0 and self.first is None and len(values) == 1:
            self.first = iterations[0], values[0]
            return encode_block(variable, None, iterations, values)
        if self.first is not None:
            if self.first[0] == iterations[0] and len(values) == 1:  # saved anew at the same iteration
                self.first = iterations[0], values[0]
                return encode_block(variable, None, iterations, values)
            if self.first[0] != iterations[0]:
                iterations, values = [self.first[0], *iterations], [self.first[1], *values]
            self.first = None
        self.number += 1
        return encode_block(variable, self.number - 1, iterations, values)
