"""What is asked, and the process that answers: one contender, once, in a fresh interpreter.

This module imports next to nothing: what it imports, contenders need not, and would seem faster than
they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Program = Callable[[int], float]

FULL, QUICK, TINY = 0, 1, 2  # places in `counts`


class Contender:
    """Somebody who does the work.

    Parameters
    ----------
    title : str
    run : callable
        Takes a count, does that much, checks what came out, and returns what it cost: see `Case`. It is
        run in a fresh interpreter and an empty folder, and imports libraries itself: where their time counts.
    counts : tuple of int, optional
        How much it does at full, quick and tiny size, where that is not what the case says.
    needs : str, optional
        The distribution of a peer that has to be installed.
    at_least : float, optional
        The aim: the least that our rate may be, as a ratio to this contender's.
    at_most : float, optional
        The aim: the most that one unit may cost this contender, in microseconds or megabytes.
    prepare : callable, optional
        Takes the count and makes, in the folder that `run` is run in each time, what is not to be measured.
    most_rounds : int, optional
        How often to measure at most, where once takes minutes.
    """

    def __init__(
        self,
        title: str,
        run: Program,
        *,
        counts: tuple[int, int, int] | None = None,
        needs: str | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
        prepare: Callable[[int], None] | None = None,
        most_rounds: int | None = None,
    ) -> None:
        self.title = title
        self.run = run
        self.counts = counts
        self.needs = needs
        self.at_least = at_least
        self.at_most = at_most
        self.prepare = prepare
        self.most_rounds = most_rounds


class Case:
    """Work that contenders do in turn. The first of them is this library.

    Parameters
    ----------
    title : str
    unit : str
        What is counted.
    counts : tuple of int
        How many at full, quick and tiny size.
    contenders : sequence of Contender
    measure : str, default 'seconds'
        What `run` returns: 'seconds' for all units together, 'bytes', which are not divided, or anything else
        that is no cost, and is shown as it is, under this name.
    memory : int, default 0
        Bytes that are taken and given back before each run: the host of a virtual machine may take long to
        hand out what nobody has used lately, and those who come first would pay for it.
    """

    def __init__(
        self,
        title: str,
        unit: str,
        counts: tuple[int, int, int],
        contenders: Sequence[Contender],
        *,
        measure: str = "seconds",
        memory: int = 0,
    ) -> None:
        self.title = title
        self.unit = unit
        self.counts = counts
        self.contenders = contenders
        self.measure = measure
        self.memory = memory


def check(is_right: bool, what: str) -> None:
    """End with an error unless the work was done."""
    if not is_right:
        raise SystemExit(f"wrong result: {what}")


def main(cases: Sequence[Case]) -> None:
    """Be the program of a question: all of it, or with `--run`, one function of it in this process."""
    if sys.argv[1:2] != ["--run"]:
        from benchmarks.__main__ import main as ask

        ask([sys.modules["__main__"].__spec__.name])
        return
    name, count, path = sys.argv[2:]
    del sys.argv[1:]
    contenders = [contender for case in cases for contender in case.contenders]
    functions = [
        function for one in contenders for function in (one.run, one.prepare) if function is not None
    ]
    function = {function.__name__: function for function in functions}[name]
    cost = function(int(count))
    if cost is not None:
        Path(path).write_text(repr(float(cost)))
