"""What is tried again, and how often."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.events import DONE, FAILED, LOST, TIMEOUT, Ended, Member, Task
from research.scheduling.tries import TROUBLES, Retries, Tries, read_retries


def member(number):
    return Member(f"{number:016x}", number, number, 0, 0, 0)


def task(*numbers):
    return Task(7, tuple(member(number) for number in numbers))


def ended(number, status):
    return Ended(0, f"{number:016x}", status, 1.0, 2.0, 1, (), None)


def test_without_retries_every_end_counts_at_once():
    tries = Tries(Retries())
    for status in (DONE, *TROUBLES):
        assert not tries.holds(ended(0, status))
        assert tries.settle(task(0)) == ([], ())


@pytest.mark.parametrize("status", TROUBLES)
def test_each_way_to_go_wrong_has_its_own_number(status):
    tries = Tries(read_retries({status: 2}))
    for other in TROUBLES:
        if other != status:
            assert not tries.holds(ended(0, other))
    for _ in range(2):
        assert tries.holds(ended(0, status))
        ends, (again,) = tries.settle(task(0))
        assert (ends, again.members) == ((), task(0).members)
    assert not tries.holds(ended(0, status))


def test_only_those_branches_are_tried_again_that_went_wrong():
    tries = Tries(Retries(failed=1))
    assert not tries.holds(ended(0, DONE))
    assert tries.holds(ended(1, FAILED))
    assert not tries.holds(ended(2, LOST))
    assert tries.settle(task(0, 1, 2)) == ((), (task(1),))
    assert not tries.holds(ended(1, FAILED))


def test_a_group_is_tried_again_as_a_whole():
    tries = Tries(Retries(failed=1), in_groups=True)
    first = [ended(0, DONE), ended(1, FAILED)]
    assert all(tries.holds(end) for end in first)
    assert tries.settle(task(0, 1)) == ((), (task(0, 1),))
    assert all(tries.holds(end) for end in first)
    assert tries.settle(task(0, 1)) == (first, ())


def test_a_group_ends_where_one_of_it_has_no_try_left():
    tries = Tries(Retries(failed=3, lost=0), in_groups=True)
    ends = [ended(0, FAILED), ended(1, LOST)]
    assert all(tries.holds(end) for end in ends)
    assert tries.settle(task(0, 1)) == (ends, ())


def test_an_end_that_is_dropped_was_none():
    tries = Tries(Retries(lost=1))
    assert tries.holds(ended(0, LOST))
    assert tries.drop(f"{0:016x}") == ended(0, LOST)
    assert tries.drop(f"{0:016x}") is None
    assert tries.settle(task(0)) == ([], ())
    assert tries.holds(ended(0, LOST))


@pytest.mark.parametrize("status", [LOST, TIMEOUT])
def test_branches_that_ended_together_are_tried_one_by_one(status):
    tries = Tries(Retries(lost=1, timeout=1))
    assert not tries.holds(ended(0, DONE))
    assert all(tries.holds(ended(number, status)) for number in (1, 2))
    ends, again = tries.settle(task(0, 1, 2))
    assert ends == ()
    assert [one.members for one in again] == [(member(1),), (member(2),)]
    assert len({7, *(one.number for one in again)}) == 3


@given(
    retries=st.builds(Retries, *[st.integers(0, 3)] * 3),
    in_groups=st.booleans(),
    n_members=st.integers(1, 3),
    data=st.data(),
)
def test_no_experiment_is_tried_more_often_than_it_may(retries, in_groups, n_members, data):
    tries, allowed = Tries(retries, in_groups), dict(zip(TROUBLES, retries, strict=True))
    whole, final = task(*range(n_members)), {}
    waiting, n_runs = [whole], 0
    troubles = {one.id: Counter() for one in whole.members}
    while waiting:
        n_runs += 1
        assert n_runs <= n_members * (1 + sum(retries))
        present = waiting.pop()
        for one in present.members:
            assert one.id not in final or in_groups
            end = ended(one.number, data.draw(st.sampled_from((DONE, *TROUBLES))))
            troubles[one.id][end.status] += 1
            if not tries.holds(end):
                final[one.id] = end.status
        ends, again = tries.settle(present)
        final.update((end.experiment, end.status) for end in ends)
        waiting.extend(again)
    assert set(final) == {one.id for one in whole.members}
    for id_, counts in troubles.items():
        tried_again = counts - Counter([final[id_]])
        assert all(tried_again[status] <= allowed[status] for status in TROUBLES)


@pytest.mark.parametrize("value", [-1, True, 1.5, "2", None, {"lost": -1}, {"failed": "2"}, {"failed": True}])
def test_what_retries_may_not_be(value):
    with pytest.raises(ValueError, match=r"`retries.* must be a number, not negative.*got "):
        read_retries(value)


def test_a_misspelt_kind_of_retries_is_named():
    with pytest.raises(ValueError, match=r"`retries` must have keys among .*got 'faild'.*'failed'"):
        read_retries({"faild": 1})
