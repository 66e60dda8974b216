"""Values that wait to be sent: a variable's, in their order."""

from __future__ import annotations

from typing import Any

from research.events import Block
from research.storage.encoding import encode_block, encode_single


class Column:
    """Values of one variable that have not been sent.

    One thread at a time puts values in, which may be every microsecond, while another takes them out. An
    append to a list is not to be torn apart, and the value comes after its iteration: who takes as many as
    there are values needs no lock. Only what looks back takes one: `replace` and `take_block` are called by
    who has it.
    """

    __slots__ = ("first", "iterations", "last", "number", "values")

    def __init__(self, iteration: int, value: Any) -> None:
        self.iterations = [iteration]
        self.values = [value]
        self.last = iteration  # of the last value
        self.number = 0  # of the next block
        self.first: tuple[int, Any] | None = None  # the only value so far, sent as such

    def replace(self, value: Any) -> None:
        """Put a value in the place of the last one."""
        if self.values:
            self.values[-1] = value
        else:
            self.iterations.append(self.last)
            self.values.append(value)

    def take_block(self, variable: str) -> Block | None:
        """Encode what there is and forget it."""
        count = len(self.values)
        if not count:
            return None
        if count == 1 and self.first is None and self.number == 0:  # all that most experiments save
            self.first = iteration, value = self.iterations.pop(0), self.values.pop(0)
            return encode_single(variable, iteration, value)
        iterations, values = self.iterations[:count], self.values[:count]
        del self.iterations[:count], self.values[:count]  # and nothing that has come since
        if self.first is not None:
            if self.first[0] == iterations[0] and count == 1:  # saved anew at the same iteration
                self.first = iterations[0], values[0]
                return encode_single(variable, *self.first)
            if self.first[0] != iterations[0]:
                iterations, values = [self.first[0], *iterations], [self.first[1], *values]
            self.first = None
        self.number += 1
        return encode_block(variable, self.number - 1, iterations, values)
