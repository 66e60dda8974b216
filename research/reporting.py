"""What a program that a study runs says of itself; nothing but Python's own library is needed for it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

REPORTS = "RESEARCH_REPORT"  # the variable that names the file to which a program's reports are appended
EXPERIMENT = "RESEARCH_EXPERIMENT"
FOLDER = "RESEARCH_FOLDER"
FILE = "reports.jsonl"


def report(values: Mapping[str, Any], iteration: int | None = None) -> None:
    """Tell the study that runs this program what it has found out.

    In a program that no study has started it prints the values, as a line of JSON.

    Parameters
    ----------
    values : dict
        Variables with their values: what JSON can hold, and what gives that by a method `tolist`, as arrays
        of numpy do.
    iteration : int, optional
        To which the values belong, not lower than any before. Default: that at which the study runs the
        program.

    Raises
    ------
    TypeError, ValueError
        If that is no dict, JSON cannot hold a value, or `iteration` is no number from 0.

    Examples
    --------
    >>> report({'loss': 0.5, 'sizes': (1, 2)}, iteration=3)
    {"iteration": 3, "values": {"loss": 0.5, "sizes": [1, 2]}}
    """
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise TypeError(f"`values` must be a dict of variables with their values, got {values!r}")
    content: dict[str, Any] = {"values": {name: _plain(value, name) for name, value in values.items()}}
    if iteration is not None:
        iteration = _plain(iteration, "iteration")
        if not isinstance(iteration, int) or isinstance(iteration, bool) or iteration < 0:
            raise ValueError(f"`iteration` must be an int from 0, or None, got {iteration!r}")
        content = {"iteration": iteration, **content}
    line = json.dumps(content)
    path = os.environ.get(REPORTS)
    if not path:
        print(line, flush=True)
        return
    # one write to the end of the file: several processes of the program may report
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        data = memoryview(f"{line}\n".encode())
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _plain(value: Any, name: str) -> Any:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(getattr(value, "tolist", None)):
        return _plain(value.tolist(), name)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    raise TypeError(f"{name!r} must be what JSON can hold, got {type(value).__name__} {value!r}")
