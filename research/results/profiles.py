"""From rows of a store to what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from research.profiling.measuring import Called, Measured, Timings
from research.storage.base import Snapshot
from research.storage.encoding import decode_functions, decode_iterations, decode_times


def read_timings(snapshot: Snapshot) -> Iterator[Timings]:
    """Walk times of units, by experiments in the order in which they were handed out."""
    ids = {row.key: row.shown_id for row in snapshot.experiments}
    for (key, place, unit), group in groupby(snapshot.profiles, lambda row: (row.key, row.place, row.unit)):
        rows = list(group)
        times = np.concatenate([decode_times(row.data, row.length) for row in rows], axis=1)  # proves lengths
        iterations = [decode_iterations(row.first, row.step, row.length, row.iterations) for row in rows]
        inner = times[1] if len(times) > 1 else None
        yield Timings(key, ids[key], Measured(place, unit, np.concatenate(iterations), times[0], inner))


def read_calls(snapshot: Snapshot) -> Iterator[Called]:
    """Walk what units called, by experiments in the order in which they were handed out."""
    ids = {row.key: row.shown_id for row in snapshot.experiments}
    for row in snapshot.profiles:
        yield Called(ids[row.key], row.unit, decode_functions(row.data))
