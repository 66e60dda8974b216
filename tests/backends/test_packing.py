"""What crosses a pipe comes out as it went in."""

import pickle

import pytest

from research.backends.packing import pack_command, pack_events
from research.events import (
    DONE,
    FAILED,
    Ended,
    Failure,
    Member,
    Object,
    Printed,
    Ready,
    Revoke,
    Run,
    Running,
    Stop,
    Task,
    TaskDone,
    Values,
)
from research.storage.encoding import encode_block

ARRAY = encode_block("array", None, [3], [1])._replace(objects=(Object(3, "npy", 10, None, "objects/a.bin"),))
EVENTS = [
    Ready(0, 123),
    Running(0, "a", 1.0, 2),
    Values("a", (encode_block("loss", 0, [0, 1], [0.5, None]), ARRAY), True),
    Values("a", (), False),
    Printed(0, ("a", "b"), 1, b"words", 5),
    Ended(0, "a", FAILED, 1.0, 2.0, 3, (Failure("unit", 2, "ValueError", "no", "where", b"bytes"),), None),
    TaskDone(0, 7, 0.25),
    Ended(None, "b", DONE, None, 2.0, None, (), "why"),
    Ended(1, "c", DONE, 1.0, 2.0, 4, (), None, (encode_block("y", None, [3], ["text"]), ARRAY)),
    Ended(1, "d", DONE, 1.0, 2.0, 2, (), None, (encode_block("y", 0, [0, 1], [1, 2]),)),
]
MEMBERS = (Member("a", 0, 5, 0, 1, 0), Member("b", 1, ((2, 3), 4), 0, 1, 0, ("drawn",), "01"))
COMMANDS = [Run(()), Run((Task(7, MEMBERS), Task(8, MEMBERS[:1]))), Revoke(3), Stop()]


def kinds(value):
    """Types at any depth: a named tuple equals a plain one."""
    return (type(value), [kinds(item) for item in value]) if isinstance(value, tuple | list) else type(value)


@pytest.mark.parametrize("events", [[], EVENTS[:1], EVENTS])
def test_events_come_out_as_they_went_in(events):
    found = pickle.loads(pack_events(events))
    assert found == events
    assert kinds(found) == kinds(events)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_commands_come_out_as_they_went_in(command):
    found = pickle.loads(pack_command(command))
    assert found == command
    assert kinds(found) == kinds(command)
