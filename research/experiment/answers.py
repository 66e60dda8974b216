"""What a program says it has found out: on its last line, in a file, or by reports. All of it is JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from research.errors import ProgramError, did_you_mean, shorten


class Reported(NamedTuple):
    """What a program reported at once."""

    iteration: int | None
    values: dict[str, Any]


class Reports:
    """Reads what `research.report` appends to a file, while it grows.

    Parameters
    ----------
    path : Path
        Where there is no file, nothing has been reported.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._last: dict[str, int] = {}  # iterations, by variables
        self.values: dict[str, Any] = {}  # the last of each

    def read(self, is_over: bool = False) -> list[Reported]:
        """Return what was reported since the last call; a line that has begun only when all is over.

        Raises
        ------
        ProgramError
            If it is no report, or one of an iteration before others.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._place)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data if is_over else data[: data.rfind(b"\n") + 1]
        self._place += len(whole)
        return [self._read_line(line) for line in whole.splitlines() if line.strip()]

    def _read_line(self, line: bytes) -> Reported:
        content = read_json(line, "a report")
        if not isinstance(content, dict) or not isinstance(content.get("values"), dict):
            raise ProgramError(f"a report must be {{'values': {{…}}}}, got {shorten(content)}")
        others = [key for key in content if key not in ("values", "iteration")]
        if others:
            near = did_you_mean(others[0], ["values", "iteration"])
            raise ProgramError(f"a report has 'values' and perhaps an 'iteration', got {others[0]!r}{near}")
        iteration, values = content.get("iteration"), content["values"]
        if iteration is not None and (type(iteration) is not int or iteration < 0):
            raise ProgramError(f"a report has the iteration {iteration!r}, which is no number from 0")
        if iteration is not None:
            for name in values:
                if self._last.get(name, 0) > iteration:
                    raise ProgramError(
                        f"{name!r} was reported for iteration {iteration} after {self._last[name]}"
                    )
                self._last[name] = iteration
        else:
            for name in values:
                if name in self._last:
                    raise ProgramError(
                        f"{name!r} was reported for iteration {self._last[name]}, then for none: name one"
                    )
        self.values.update(values)
        return Reported(iteration, values)


def read_json(data: bytes | str, what: str) -> Any:
    """Read JSON.

    Raises
    ------
    ProgramError
        If it is none.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        text = data.decode(errors="backslashreplace") if isinstance(data, bytes) else data
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ProgramError(f"{what} is no JSON, {shorten(text)}: {reason}") from None


def read_last_line(data: bytes) -> Any:
    """Read JSON from the last line that is not empty.

    Raises
    ------
    ProgramError
        If there is none.
    """
    line = data.rstrip().rpartition(b"\n")[2].rpartition(b"\r")[2]
    if not line:
        raise ProgramError("it has given no result: it has printed nothing, and reported nothing")
    return read_json(line, "its last line")


def read_result_file(path: Path) -> Any:
    """Read JSON from a file.

    Raises
    ------
    ProgramError
        If there is no such file, or something else in it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProgramError(f"it has written no result to {str(path)!r}: {error.strerror}") from None
    return read_json(data, f"its result in {str(path)!r}")
