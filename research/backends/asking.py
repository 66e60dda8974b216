"""Questions that a worker puts to the driver, and waits for the answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from research.events import Asks, Event, Verdict

Ask = Callable[[Asks], Verdict]


class Inquiry:
    """Asks through a pipe; called from the thread that works, while another hears what the driver says.

    Parameters
    ----------
    emit : callable
        Sends events.
    """

    def __init__(self, emit: Callable[[Sequence[Event]], None]) -> None:
        self._emit = emit
        self._condition = threading.Condition()
        self._verdicts: deque[Verdict] = deque()

    def __call__(self, ask: Asks) -> Verdict:
        """Ask, and wait for as long as it takes: without the driver this process ends."""
        self._emit([ask])
        with self._condition:
            self._condition.wait_for(lambda: self._verdicts)
            return self._verdicts.popleft()

    def answer(self, verdict: Verdict) -> None:
        """Pass on what the driver has said."""
        with self._condition:
            self._verdicts.append(verdict)
            self._condition.notify()
