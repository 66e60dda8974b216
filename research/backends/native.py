"""What Python has no function for: the stdout of the C library, and holes in files."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_LINE_BUFFERED = 1  # _IOLBF, the same in every C library
_BUFFER = 2**14  # bytes
_KEEP_SIZE_PUNCH_HOLE = 3  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE


def _load() -> Any:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):  # (a platform whose C library has no name)
        return None


def _find_stdout() -> ctypes.c_void_p | None:
    name = "__stdoutp" if sys.platform == "darwin" else "stdout"
    try:
        return ctypes.c_void_p.in_dll(_LIBC, name)
    except (AttributeError, TypeError, ValueError):
        return None


_LIBC = _load()
_STDOUT = _find_stdout()
_is_line_buffered = False


def flush_c() -> None:
    """Write out what C code printed and its library holds back; its stderr holds nothing back."""
    if _STDOUT is not None:  # not all of its files: a thread may wait for one that is read
        _LIBC.fflush(_STDOUT)


def buffer_lines_of_c() -> None:
    """Let what C code prints be written line by line, whatever it is written to."""
    global _is_line_buffered
    if _STDOUT is None or _is_line_buffered:
        return
    _is_line_buffered = True
    _LIBC.malloc.restype = ctypes.c_void_p
    buffer = _LIBC.malloc(ctypes.c_size_t(_BUFFER))  # (C uses it to its very end: it is nobody's to free)
    if buffer:  # without one glibc writes what printf makes piece by piece
        _LIBC.setvbuf(_STDOUT, ctypes.c_void_p(buffer), _LINE_BUFFERED, ctypes.c_size_t(_BUFFER))


def punch(descriptor: int, start: int, end: int) -> None:
    """Give the room of a part of a file back to the disk, where that can be done; the size stays."""
    if sys.platform == "linux" and _LIBC is not None:
        length = ctypes.c_int64(end - start)
        _LIBC.fallocate(descriptor, _KEEP_SIZE_PUNCH_HOLE, ctypes.c_int64(start), length)
