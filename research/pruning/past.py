"""How far experiments have come that an earlier run has done, from what they have saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from research.errors import did_you_mean
from research.events import DONE, FAILED, PRUNED, TIMEOUT
from research.pruning.judge import Stored
from research.pruning.watch import Pruning, replay
from research.storage.base import Store

_OVER = (DONE, FAILED, PRUNED, TIMEOUT)
_CHUNK = 1000  # experiments whose values are in memory at a time


def remark_unsaved(store: Store, pruning: Pruning) -> str | None:
    """Return what is to be said where no experiment has saved the objective, None where one has."""
    if store.read(variables=(pruning.objective,), last=True).last:
        return None
    hint = did_you_mean(pruning.objective, store.study().settings.get("variables", ()))
    return f"no experiment has saved {pruning.objective!r}, by which they were to be pruned{hint}"


def recall_reached(
    store: Store, pruning: Pruning, has_key: Callable[[int], bool] | None = None
) -> Iterator[Stored]:
    """Walk experiments that are over, with the rungs at which they have asked whether they go on.

    Parameters
    ----------
    store : Store
    pruning : Pruning
    has_key : callable, optional
        Takes an experiment's key; says whether it is one of those that are compared. Default: all are.
    """
    if pruning.rule.is_alone:
        return
    from research.results.results import ResearchResults  # only who goes on with a study needs it

    over = (row for row in store.read().experiments if row.status in _OVER)
    rows = {row.shown_id: row for row in over if has_key is None or has_key(row.key)}
    results = ResearchResults(store)
    for frame in results.iter_frames(_CHUNK, name=pruning.objective):
        if pruning.objective not in frame:
            continue
        for id_, part in frame.groupby("id", sort=False):
            row = rows.get(str(id_))
            if row is None:
                continue
            # nobody is asked at the end, but who has been told to end there
            last = (row.iterations or 0) - (row.status != PRUNED)
            saved = part.loc[part["iteration"] < last, ["iteration", pruning.objective]].dropna()
            pairs = zip(saved["iteration"], saved[pruning.objective], strict=True)
            yield Stored(row.number, pruning.group_in(json.loads(row.config)), replay(pruning, pairs))
