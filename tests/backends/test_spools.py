"""What a worker printed is found by the driver, however far the worker came."""

from __future__ import annotations

import contextlib
import os
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.backends.capture import Capture
from research.backends.spools import Ledger, Part, Spools, entry_of, head_of, turn_of
from research.errors import StudyError
from research.events import STDERR, STDOUT, Member, Revoked, Task, TaskDone

IDS = ("a" * 16, "b" * 16, "c" * 16)


@pytest.fixture
def spools():
    """Return the files of two workers."""
    made = Spools(2, (True, True))
    yield made
    made.close()


def ledger(task=5, sizes=(3, 4), owners=IDS[:1], parts=()):
    text = head_of(task, IDS) + turn_of(sizes, IDS, owners)
    return text + b"".join(entry_of(part, IDS) for part in parts)


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
            assert length < len(ledger())
        else:
            n_whole = sum(part.data == mine.data for part, mine in zip(found.parts, PARTS, strict=False))
            assert found.parts[:n_whole] == PARTS[:n_whole]
            assert len(found.parts) <= n_whole + 1


def test_the_rest_belongs_to_those_whose_turn_it_was(spools):
    write(spools, STDOUT, b"before|turn")
    write(spools, STDERR, b"error")
    os.pwrite(spools.of(0).ledger, ledger(task=5, sizes=(7, 0)), 0)
    assert told(spools.rest(0, 5)) == [
        ((), STDOUT, b"before|"),
        (IDS[:1], STDOUT, b"turn"),
        (IDS[:1], STDERR, b"error"),
    ]
    assert spools.rest(0, 5) == spools.rest(1, 5) == []


@pytest.mark.parametrize("task", [None, 4])
def test_what_was_printed_in_a_task_that_will_be_run_again_is_nobody_s(spools, task):
    write(spools, STDOUT, b"before|turn")
    os.pwrite(spools.of(0).ledger, ledger(task=5, sizes=(7, 0)), 0)
    assert told(spools.rest(0, task)) == [((), STDOUT, b"before|turn")]


def test_what_has_been_sent_is_not_read_again(spools):
    write(spools, STDOUT, b"onetwothreefour")
    parts = [
        Part(IDS[:1], STDOUT, 0, 3),
        Part(IDS[1:2], STDOUT, 3, 11),
        Part(IDS[1:2], STDOUT, 0, 0, b"text"),
    ]
    os.pwrite(spools.of(0).ledger, ledger(sizes=(11, 0), owners=IDS[2:], parts=parts), 0)
    sent = [event._replace(experiments=()) for event in spools.of(0).read(0, Part((), STDOUT, 0, 6))]
    spools.note(0, sent)
    assert told(spools.rest(0, 5)) == [
        (IDS[1:2], STDOUT, b"three"),
        (IDS[1:2], STDOUT, b"text"),
        (IDS[2:], STDOUT, b"four"),
    ]


@contextlib.contextmanager
def capturing(spools):
    """Be a worker that captures what is printed."""
    capture = Capture(0, spools.of(0))
    capture.start()
    try:
        yield capture
    finally:
        capture.stop()


def begin(spools, capture, number, ids):
    """Let a worker begin a task that it was sent."""
    members = tuple(Member(id_, 0, 0, 0, 0, 0) for id_ in ids)
    spools.expect(0, [Task(number, members)])
    capture.begin(number, ids, False)


def test_tasks_that_print_nothing_leave_the_ledger_as_it_is(spools):
    with capturing(spools) as capture:
        begin(spools, capture, 0, IDS[:1])
        said = os.pread(spools.of(0).ledger, 1000, 0)
        for number in range(1, 5):
            capture.end()
            begin(spools, capture, number, IDS[:number])
        assert os.pread(spools.of(0).ledger, 1000, 0) == said != b""
        write(spools, STDOUT, b"last words")
        assert told(spools.rest(0, 4)) == [(IDS, STDOUT, b"last words")]


def test_a_task_that_is_done_again_is_told_from_what_it_was_before(spools):
    with capturing(spools) as capture:
        begin(spools, capture, 0, IDS)
        capture.turn(IDS[1:2])
        capture.end()
        begin(spools, capture, 0, IDS)
        write(spools, STDOUT, b"of all")
        assert told(spools.rest(0, 0)) == [(IDS, STDOUT, b"of all")]


def test_who_comes_after_a_dead_worker_finds_its_ledger_and_begins_anew(spools):
    with capturing(spools) as capture:
        begin(spools, capture, 0, IDS[:1])
        write(spools, STDOUT, b"one")
        assert told(spools.rest(0, 0)) == [(IDS[:1], STDOUT, b"one")]
    with capturing(spools) as capture:
        begin(spools, capture, 0, IDS[1:2])
        capture.end()
        begin(spools, capture, 1, IDS[2:])
        write(spools, STDOUT, b"two")
        assert told(spools.rest(0, 1)) == [(IDS[2:], STDOUT, b"two")]


@pytest.mark.parametrize("last", [TaskDone(0, 1, 0.0), Revoked(0, (Task(1, ()),))], ids=["done", "revoked"])
def test_what_a_worker_does_not_have_to_do_any_more_is_forgotten(spools, last):
    with capturing(spools) as capture:
        for number, event in enumerate((TaskDone(0, 0, 0.0), last)):
            begin(spools, capture, number, IDS[:1])
            spools.note(0, [*capture.end(), event])
        write(spools, STDOUT, b"whose?")
        assert told(spools.rest(0, 1)) == [((), STDOUT, b"whose?")]


_STEPS = st.one_of(
    st.tuples(st.just("task"), st.integers(1, 3)),
    st.tuples(st.just("print"), st.sampled_from((STDOUT, STDERR)), st.binary(min_size=1, max_size=3)),
    st.tuples(st.just("turn"), st.integers(0, 2)),
    st.tuples(st.just("flush")),
)


@given(st.lists(_STEPS, max_size=25))
def test_whose_every_byte_was(steps):
    spools = Spools(1, (True, True))
    try:
        with capturing(spools) as capture:
            found, expected = _replay(spools, capture, steps)
    finally:
        spools.close()
    assert found == expected


def _replay(spools, capture, steps):
    """Return whose each byte was that was not sent, by stream: as it was found, and as it was."""
    waiting, number, owners = [], 0, IDS[:1]
    begin(spools, capture, number, owners)
    unsent = {STDOUT: [], STDERR: []}  # of each byte: whose it is, and in which task it was printed
    ids = owners
    for what, *of_it in steps:
        if what == "task":
            waiting += capture.end()
            number, ids = number + 1, IDS[: of_it[0]]
            owners = ids
            begin(spools, capture, number, ids)
        elif what == "print":
            stream, data = of_it
            write(spools, stream, data)
            unsent[stream] += [(number, owners, data[place : place + 1]) for place in range(len(data))]
        elif what == "turn" and len(ids) > of_it[0]:
            owners = ids[of_it[0] : of_it[0] + 1]
            capture.turn(owners)
        elif what == "flush":
            spools.note(0, [*waiting, *capture.collect()])
            capture.told()
            waiting, unsent = [], {STDOUT: [], STDERR: []}
    found = {STDOUT: [], STDERR: []}
    for whose, stream, data in told(spools.rest(0, number)):
        found[stream] += [(whose, data[place : place + 1]) for place in range(len(data))]
    expected = {
        stream: [(whose if task == number else (), byte) for task, whose, byte in known]
        for stream, known in unsent.items()
    }
    return found, expected


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
    assert status.st_size == 8 * 2**20
    if status.st_blocks * 512 > 2 * 2**20:
        pytest.skip("temporary files of this machine cannot have holes")
    assert told(spools.rest(0, None)) == []
