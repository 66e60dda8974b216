"""What a unit calls, by cProfile, of which a process has one at a time."""

from __future__ import annotations

import cProfile
import sys
from pathlib import Path
from typing import Any

from research.profiling.stats import FunctionStats

_OWN = tuple(str(Path(__file__).parents[1] / name) for name in ("profiling", "experiment"))
_STOP = "<method 'disable' of '_lsprof.Profiler' objects>"
_enable = cProfile.Profile.enable


class Tracer:
    """Follows the calls of one unit of one experiment.

    Where somebody else profiles already, nothing is followed. Who begins while this is at work takes over:
    since Python 3.12 they would get an error otherwise, and before that one would silently end the other.
    https://docs.python.org/3/whatsnew/3.12.html#pep-669-low-impact-monitoring-for-cpython
    """

    def __init__(self) -> None:
        self._profiler = cProfile.Profile()
        self._is_active = False

    def start(self) -> None:
        """Follow calls of this thread from here on, if nobody else does."""
        if sys.getprofile() is not None:
            return
        try:
            _enable(self._profiler)
        except ValueError:  # since Python 3.12: there is another one
            return
        self._is_active = True

        def give_way(other: cProfile.Profile, *args: Any, **kwargs: Any) -> None:
            self.stop()
            _enable(other, *args, **kwargs)

        cProfile.Profile.enable = give_way  # type: ignore[method-assign, assignment]

    def stop(self) -> None:
        """Follow calls no longer; nothing happens if that is so already."""
        if self._is_active:
            self._is_active = False
            cProfile.Profile.enable = _enable  # type: ignore[method-assign]
            self._profiler.disable()

    def functions(self) -> list[FunctionStats]:
        """Return what was called, without what calls units and measures that."""
        found: dict[tuple[str, str, int], FunctionStats] = {}
        for entry in self._profiler.getstats():
            code: Any = entry.code
            if isinstance(code, str):
                place = (code, "~", 0)
            else:
                place = (code.co_qualname, code.co_filename, code.co_firstlineno)
            if place[0] == _STOP or place[1].startswith(_OWN):
                continue
            same = found.get(place)  # one line may have several lambdas
            counts = (entry.callcount, entry.inlinetime, entry.totaltime)
            if same is not None:
                counts = (same.ncalls + counts[0], same.tottime + counts[1], same.cumtime + counts[2])
            found[place] = FunctionStats(*place, *counts)
        return list(found.values())
