"""What a worker printed is found by the driver, however far the worker came."""

from __future__ import annotations

import os
import resource

import pytest

from research.backends.capture import Capture
from research.backends.spools import FIRST, NUMBER, Ledger, Part, Spools, entry_of, head_of, turn_of
from research.errors import StudyError
from research.events import STDERR, STDOUT

IDS = ("a" * 16, "b" * 16, "c" * 16)


@pytest.fixture
def spools():
    """Return the files of two workers."""
    made = Spools(2, (True, True))
    yield made
    made.close()


def ledger(task=5, sizes=(3, 4), owners=IDS[:1], parts=()):
    text = NUMBER.pack(task) + head_of(IDS, 200) + turn_of(sizes, IDS, owners)
    return text.ljust(200, b"?") + b"".join(entry_of(part, IDS) for part in parts)


def write(spools, stream, data, worker=0):
    os.write(spools.of(worker).streams[stream], data)


def told(events):
    return [(event.experiments, event.stream, event.data) for event in events]


PARTS = (
    Part(IDS[1:2], STDERR, 0, 7),
    Part(IDS, STDOUT, 0, 0, b"text"),
    Part((), STDOUT, 7, 9),
)


def test_a_ledger_is_read_as_it_was_written():
    assert Ledger.parse(ledger(parts=PARTS)) == Ledger(5, IDS[:1], (3, 4), PARTS)


def test_a_ledger_is_read_as_far_as_its_writer_came():
    whole = ledger(parts=PARTS)
    for length in range(len(whole)):
        found = Ledger.parse(whole[:length])
        if found is None:
            assert length < len(ledger().rstrip(b"?"))
        else:
            n_whole = sum(part.data == mine.data for part, mine in zip(found.parts, PARTS, strict=False))
            assert found.parts[:n_whole] == PARTS[:n_whole]
            assert len(found.parts) <= n_whole + 1


def test_the_rest_belongs_to_those_whose_turn_it_was(spools):
    write(spools, STDOUT, b"before|turn")
    write(spools, STDERR, b"error")
    os.pwrite(spools.of(0).ledger, ledger(task=5, sizes=(FIRST + 7, FIRST)), 0)
    assert told(spools.rest(0, 5)) == [
        ((), STDOUT, b"before|"),
        (IDS[:1], STDOUT, b"turn"),
        (IDS[:1], STDERR, b"error"),
    ]
    assert spools.rest(0, 5) == spools.rest(1, 5) == []


@pytest.mark.parametrize("task", [None, 4])
def test_what_was_printed_in_a_task_that_will_be_run_again_is_nobody_s(spools, task):
    write(spools, STDOUT, b"before|turn")
    os.pwrite(spools.of(0).ledger, ledger(task=5, sizes=(FIRST + 7, FIRST)), 0)
    assert told(spools.rest(0, task)) == [((), STDOUT, b"before|turn")]


def test_what_has_been_sent_is_not_read_again(spools):
    write(spools, STDOUT, b"onetwothreefour")
    parts = [
        Part(IDS[:1], STDOUT, FIRST, FIRST + 3),
        Part(IDS[1:2], STDOUT, FIRST + 3, FIRST + 11),
        Part(IDS[1:2], STDOUT, 0, 0, b"text"),
    ]
    os.pwrite(spools.of(0).ledger, ledger(sizes=(FIRST + 11, FIRST), owners=IDS[2:], parts=parts), 0)
    sent = [
        event._replace(experiments=()) for event in spools.of(0).read(0, Part((), STDOUT, FIRST, FIRST + 6))
    ]
    spools.note(0, sent)
    assert told(spools.rest(0, 5)) == [
        (IDS[1:2], STDOUT, b"three"),
        (IDS[1:2], STDOUT, b"text"),
        (IDS[2:], STDOUT, b"four"),
    ]


def test_too_many_workers_for_the_files_that_a_process_may_have():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with pytest.raises(StudyError, match=r"what 1000 workers print \(.*Too many open files"):
            Spools(1000, (True, True))
        Spools(1, (True, True)).close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_one_stream_alone():
    spools = Spools(1, (False, True))
    assert spools.of(0).streams[STDOUT] is None
    write(spools, STDERR, b"error")
    assert told(spools.rest(0, None)) == [((), STDERR, b"error")]
    spools.close()


def test_what_has_been_sent_takes_no_room(spools):
    spool = spools.of(0)
    capture = Capture(0, spool)
    for _ in range(8):
        write(spools, STDOUT, bytes(2**20))
        spools.note(0, capture.collect())
        capture.told()
    status = os.fstat(spool.streams[STDOUT])
    assert status.st_size == FIRST + 8 * 2**20
    if status.st_blocks * 512 > 2 * 2**20:
        pytest.skip("temporary files of this machine cannot have holes")
    assert told(spools.rest(0, None)) == []
