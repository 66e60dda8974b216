"""Messages in pieces, none of which takes longer than anybody waits for an answer."""

from __future__ import annotations

from collections.abc import Iterator

PIECE = 1 << 24  # bytes
NOTHING = b""  # a piece of no message: whoever sends it is there
_LAST, _MORE = b"\0", b"\1"


def cut(message: bytes) -> Iterator[bytes]:
    """Walk the pieces of a message."""
    view = memoryview(message)
    for start in range(0, len(message), PIECE) or (0,):
        end = start + PIECE
        yield (_LAST if end >= len(message) else _MORE) + view[start:end]


class Joiner:
    """Makes messages of pieces that come in order."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[memoryview] = []

    def join(self, piece: bytes) -> bytes | None:
        """Return the message that ends with a piece, None if it is not the last, or of none."""
        if piece == NOTHING:
            return None
        self._parts.append(memoryview(piece)[1:])
        if piece[:1] == _MORE:
            return None
        message, self._parts = b"".join(self._parts), []
        return message
