"""Pickles of what users have written: functions of scripts go by value, with the globals that they name."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from research.experiment.bytecode import loaded_names

_LOCK = threading.RLock()


def dumps(value: Any) -> bytes:
    """Return a pickle that `dill.loads` reads anywhere.

    Parameters
    ----------
    value : object
    """
    import dill

    with _globals_by_name():
        return bytes(dill.dumps(value, protocol=5, recurse=True))


def dump(value: Any, file: Any) -> None:
    """Write such a pickle to a file."""
    import dill

    with _globals_by_name():
        dill.dump(value, file, protocol=5, recurse=True)


@contextmanager
def _globals_by_name() -> Iterator[None]:
    """Let dill take along the globals that a function names, and not what their functions name in turn.

    Those that go by value are asked for themselves. dill looks into all of them, those of installed libraries
    included, which takes seconds, and for ever where two of them name each other.
    """
    from dill import detect

    with _LOCK:
        usual = detect.globalvars

        def named(function: Any, recurse: bool = True, builtin: bool = False) -> dict[str, Any]:
            if not isinstance(function, FunctionType):
                return dict(usual(function, recurse, builtin))
            known = {**vars(builtins), **function.__globals__} if builtin else function.__globals__
            names = dict.fromkeys(chain[0] for chain in loaded_names(function.__code__))
            return {name: known[name] for name in names if name in known}

        detect.globalvars = named
        try:
            yield
        finally:
            detect.globalvars = usual
