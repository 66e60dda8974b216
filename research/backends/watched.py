"""What an experiment saves where experiments may be pruned."""

from __future__ import annotations

from typing import Any

from research.backends.asking import Ask
from research.backends.recording import Recorder
from research.events import Asks
from research.pruning.watch import Pruning, Watch


class Watched(Recorder):
    """Follows the objective, too, by which experiments are pruned."""

    def __init__(self, pruning: Pruning, ask: Ask, *args: Any) -> None:
        super().__init__(*args)
        self._pruning = pruning
        self._ask = ask
        self._watch = Watch(pruning)

    def save(self, variable: str, iteration: int, value: Any) -> None:
        if variable == self._pruning.objective:
            self._watch.take(iteration, value)
        super().save(variable, iteration, value)

    def is_hopeless(self) -> bool:
        """Whether the experiment is to end now; between iterations."""
        reached = self._watch.look()
        if reached is None or self.run is None:
            return False
        rung, progress = reached
        if self._pruning.rule.is_alone:
            self._hopeless = self._pruning.alone(reached)
        else:
            group = self._pruning.group_of(self.run.config)
            question = Asks(self._worker, self.experiment, group, rung, progress)
            self._hopeless = self._ask(question).reason
        return self._hopeless is not None
