"""The progress bar."""

from __future__ import annotations

from typing import Any

from research.events import Ended, Running


class Progress:
    """One bar for the whole study: iterations where their number is known, else experiments.

    Parameters
    ----------
    bar : bool or class
        False for none, True for tqdm's own choice, or a class with tqdm's interface.
    name : str
        What the description begins with.
    n_experiments : int or None
        None if nobody knows.
    n_iters : int or None
        Iterations of each.
    """

    def __init__(self, bar: Any, name: str, n_experiments: int | None, n_iters: int | None) -> None:
        self._bar: Any = None
        self.name = name
        self._n_iters = n_iters
        self._weight = n_iters or 1
        self._counted: dict[str, int] = {}  # iterations of experiments that run
        self._troubles: dict[str, int] = {}
        if bar is False or bar is None:
            return
        options: dict[str, Any] = {}
        if bar is True:
            from tqdm.auto import tqdm as bar

            # tqdm redraws bars from a thread of its own where it has raised this number, and what is written
            # while a unit runs in this process belongs to the unit
            options = {"miniters": 1}
        total = None if n_experiments is None else n_experiments * self._weight
        self._bar = bar(total=total, desc=name, unit="it" if n_iters else "exp", **options)

    def update(self, event: Running | Ended) -> None:
        """Advance by what an event tells."""
        if self._bar is None:
            return
        before = self._counted.get(event.experiment, 0)
        if isinstance(event, Ended):
            self._counted.pop(event.experiment, None)
            now = self._weight  # an experiment that ended early leaves nothing to wait for
            if event.status != "done":
                self._troubles[event.status] = self._troubles.get(event.status, 0) + 1
                troubles = ", ".join(f"{status}: {count}" for status, count in self._troubles.items())
                self._bar.set_description(f"{self.name} ({troubles})", refresh=False)
        elif self._n_iters is None:
            return
        else:
            now = self._counted[event.experiment] = max(before, event.iterations)
        bar, self._bar = self._bar, None  # one that raises is not asked again
        bar.update(now - before)
        self._bar = bar

    def expect(self, n_experiments: int | None) -> None:
        """Set the total: all experiments, those that have ended included; None if nobody knows."""
        if self._bar is not None:
            self._bar.total = None if n_experiments is None else n_experiments * self._weight
            self._bar.refresh()

    def leave_out(self, n_experiments: int) -> None:
        """Lower the total by experiments that turned out not to be there."""
        if self._bar is not None and self._bar.total is not None and n_experiments:
            self._bar.total -= n_experiments * self._weight
            self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
