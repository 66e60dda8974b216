"""What crosses a pipe, as bytes: pickles of events and of commands, of which `pickle.loads` makes them again.

Tasks, values and ends are there by the ten thousand, and pickle asks each named tuple how it is to be made
again. As plain tuples they take a third of the time.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

from research.events import Block, Command, Ended, Event, Last, Member, Run, Task, TaskDone, Values, new

_VALUES, _ENDED, _DONE = range(3)  # what a plain tuple begins with
_SHORT = 5  # parts of a block that is one value


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
    if kind is Ended:
        return _ENDED, event[:-1], [_bare(block) for block in event[-1]]
    if kind is TaskDone:
        return _DONE, *event
    if kind is Values:
        return _VALUES, event.experiment, event.urgent, [_bare(block) for block in event.blocks]
    return event


def _bare(block: Block) -> tuple[Any, ...]:
    """Return a block as a plain tuple; a short one of a value that is the only one so far."""
    variable, number, _, _, _, _, last, objects = block
    return (*block[:6], tuple(last), objects) if objects or number is not None else (variable, *last)


def _events(parts: list[Any]) -> list[Event]:
    events: list[Any] = []
    for part in parts:
        made = part
        if type(part) is tuple:
            kind = part[0]
            if kind == _ENDED:
                made = new(Ended, (*part[1], tuple(map(_block, part[2]))))
            elif kind == _DONE:
                made = new(TaskDone, part[1:])
            else:
                made = Values(part[1], tuple(map(_block, part[3])), part[2])
        events.append(made)
    return events


def _block(bare: tuple[Any, ...]) -> Block:
    made: Block
    if len(bare) == _SHORT:
        made = new(Block, (bare[0], None, (bare[1], 1), 1, "", b"", new(Last, bare[1:]), ()))
    else:
        made = new(Block, (*bare[:6], new(Last, bare[6]), bare[7]))
    return made


def _run(parts: list[Any]) -> Run:
    tasks = [new(Task, (part[0], tuple([new(Member, member) for member in part[1:]]))) for part in parts]
    return Run(tuple(tasks))
