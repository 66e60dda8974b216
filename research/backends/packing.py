"""What crosses a pipe, as bytes: pickles of events and of commands, of which `pickle.loads` makes them again.

Tasks, values and ends are there by the ten thousand, and pickle asks each named tuple how it is to be made
again. As plain tuples they take a third of the time.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from typing import Any

from research.events import Block, Command, Ended, Event, Last, Member, Run, Task, TaskDone, Values

_VALUES, _ENDED, _DONE = range(3)  # what a plain tuple begins with
_new: Any = tuple.__new__


class _Packed:
    """Stands for something in a pickle: what makes it again, and of what."""

    __slots__ = ("_make", "_parts")

    def __init__(self, make: Any, parts: list[Any]) -> None:
        self._make = make
        self._parts = parts

    def __reduce__(self) -> tuple[Any, tuple[list[Any]]]:
        return self._make, (self._parts,)


def pack_events(events: Iterable[Event]) -> bytes:
    """Write a list of events as bytes."""
    return pickle.dumps(_Packed(_events, [_plain(event) for event in events]), protocol=5)


def pack_command(command: Command) -> bytes:
    """Write a command as bytes."""
    if type(command) is not Run:
        return pickle.dumps(command, protocol=5)
    tasks = [(number, *map(tuple, members)) for number, members in command.tasks]
    return pickle.dumps(_Packed(_run, tasks), protocol=5)


def _plain(event: Any) -> Any:
    kind = type(event)
    if kind is Values:
        experiment, blocks, urgent = event
        return _VALUES, experiment, urgent, *[(*block[:6], tuple(block[6]), block[7]) for block in blocks]
    if kind is Ended:
        return _ENDED, *event
    return (_DONE, *event) if kind is TaskDone else event


def _events(parts: list[Any]) -> list[Event]:
    return [_made(part) if type(part) is tuple else part for part in parts]


def _made(part: Sequence[Any]) -> Event:
    kind = part[0]
    if kind == _VALUES:
        blocks = tuple([_new(Block, (*block[:6], _new(Last, block[6]), block[7])) for block in part[3:]])
        made: Event = _new(Values, (part[1], blocks, part[2]))
    else:
        made = _new(Ended if kind == _ENDED else TaskDone, part[1:])
    return made


def _run(parts: list[Any]) -> Run:
    tasks = [_new(Task, (part[0], tuple([_new(Member, member) for member in part[1:]]))) for part in parts]
    return Run(tuple(tasks))
