"""What becomes of experiments on their way to the store."""

from __future__ import annotations

import logging

import pytest

from research.events import DONE, FAILED, STOPPED, Ended, Failure, Member, Task, TaskDone
from research.ledger import MUCH, Ledger
from research.monitoring.monitor import Monitor
from research.monitoring.progress import Progress
from research.results.values import all_series
from research.scheduling.tries import Retries, Tries
from research.storage.base import Registered, Study
from research.storage.encoding import encode_block
from research.storage.memory import MemoryStore
from research.storage.outputs import Outputs

WRONG = (Failure("unit", 0, "ValueError", "no", "where", None),)


@pytest.fixture
def store():
    made = MemoryStore()
    made.begin(Study("s", 0.0, 1, "v", "d", {}))
    return made


def ledger(store, retries=None):
    tries = Tries(retries or Retries())
    log = logging.getLogger("ledger in tests")
    log.setLevel(logging.CRITICAL)
    progress = Progress(False, "s", None, None)
    return Ledger(store, Monitor(), progress, log, Outputs(None, (0, 0)), tries)


def member(number):
    return Member(f"{number:016x}", number, number, 0, 0, 0)


def ended(number, status, value):
    blocks = (encode_block("y", None, [0], [value]),)
    return Ended(0, f"{number:016x}", status, 1.0, 2.0, 1, WRONG if status == FAILED else (), None, blocks)


def begun(store, retries=None):
    """Return a ledger that knows of one experiment."""
    accounts = ledger(store, retries)
    accounts.register(Registered(member(0), "{}", None))
    return accounts


def kept(accounts, store):
    """Return what is stored when all is told: statuses, and values by experiment."""
    accounts.commit()
    return [row.status for row in store.read().experiments], values(store)


def values(store):
    return {series.key: list(series.values) for series in all_series(store.read(variables=None), {})}


def test_what_was_saved_last_is_stored_with_the_end(store):
    accounts = begun(store)
    accounts.absorb([ended(0, DONE, 5), TaskDone(0, 0, 0.1)])
    assert kept(accounts, store) == ([DONE], {0: [5]})


def test_what_was_to_be_tried_again_and_is_stopped_keeps_what_it_has_saved(store):
    accounts = begun(store, Retries(failed=1))
    accounts.absorb([ended(0, FAILED, 5)])
    accounts.stop()
    assert kept(accounts, store) == ([STOPPED], {0: [5]})


def test_what_is_tried_again_has_the_values_of_its_last_attempt(store):
    accounts = begun(store, Retries(failed=1))
    task = Task(0, (member(0),))
    accounts.absorb([ended(0, FAILED, 5)])
    assert accounts.settle(task) == (task,)
    accounts.absorb([ended(0, DONE, 6)])
    assert accounts.settle(task) == ()
    accounts.commit()
    assert [(row.status, row.attempt) for row in store.read().experiments] == [(DONE, 2)]
    assert values(store) == {0: [6]}


def test_much_is_worth_a_commit_and_leaves_what_nobody_has_heard_of_for_later(store):
    accounts = ledger(store)
    for number in range(MUCH + 1):
        accounts.register(Registered(member(number), "{}", None))
    accounts.absorb([ended(number, DONE, number) for number in range(MUCH - 1)])
    is_early = accounts.has_much
    accounts.absorb([ended(MUCH - 1, DONE, 0)])
    assert not is_early
    assert accounts.has_much or len(store.read().experiments) >= MUCH  # it may have been due already
    accounts.commit(is_last=False)
    assert not accounts.has_much
    accounts.commit()
    assert len(store.read().experiments) == MUCH + 1
