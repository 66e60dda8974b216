"""Devices are distributed over workers and branches."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.scheduling.devices import get_devices

EXAMPLES = [
    (None, [[[None], [None]], [[None], [None]], [[None], [None]]]),
    (1, [[["1"], ["1"]], [["1"], ["1"]], [["1"], ["1"]]]),
    ([1, 2], [[["1"], ["1"]], [["1"], ["2"]], [["2"], ["2"]]]),
    ([1, 2, 3, 4, 5], [[["1"], ["2"]], [["3"], ["4"]], [["5"], ["1"]]]),
    (list(range(13)), [[["0", "1"], ["2", "3"]], [["4", "5"], ["6", "7"]], [["8", "9"], ["10", "11"]]]),
    (list(range(12)), [[["0", "1"], ["2", "3"]], [["4", "5"], ["6", "7"]], [["8", "9"], ["10", "11"]]]),
]

some_devices = st.lists(st.one_of(st.integers(0, 99), st.integers(0, 99).map(str)), min_size=1, max_size=40)
counts = st.integers(1, 9)


def flat(found):
    """Return the devices of all branches, one after another."""
    return list(chain.from_iterable(chain.from_iterable(found)))


@pytest.mark.parametrize(("devices", "expected"), EXAMPLES)
def test_three_workers_with_two_branches(devices, expected):
    assert get_devices(devices, 3, 2) == expected


@pytest.mark.parametrize("devices", [[0, 1], ("0", "1"), range(2), np.arange(2), iter([0, 1]), [" 0", 1]])
def test_lists_of_any_kind(devices):
    assert get_devices(devices, 2) == [[["0"]], [["1"]]]


def test_devices_may_have_names():
    assert get_devices("MIG-5a/1/0", 1, 2) == [[["MIG-5a/1/0"], ["MIG-5a/1/0"]]]


def test_some_branches_may_go_without_a_device():
    assert get_devices([0, None], 2, 1) == [[["0"]], [[None]]]
    assert get_devices([0, None], 1, 1) == [[["0"]]]


def test_a_device_that_is_given_twice_is_shared_by_more():
    assert get_devices([0, 0, 1], 3) == [[["0"]], [["0"]], [["1"]]]
    assert get_devices([0, 0, 1, 2], 2) == [[["0"]], [["1", "2"]]]


@given(some_devices, counts, counts)
def test_each_branch_of_each_worker_gets_devices(devices, n_workers, n_branches):
    found = get_devices(devices, n_workers, n_branches)
    assert [len(worker) for worker in found] == [n_branches] * n_workers
    assert all(branch and len(set(branch)) == len(branch) for worker in found for branch in worker)


@given(st.sets(st.integers(0, 99), min_size=1, max_size=40).map(sorted), counts, counts)
def test_all_devices_are_used_as_evenly_as_can_be(devices, n_workers, n_branches):
    total = n_workers * n_branches
    found = flat(get_devices(devices, n_workers, n_branches))
    if len(devices) <= total:
        uses = [found.count(str(device)) for device in devices]
        assert len(found) == total
        assert max(uses) - min(uses) <= 1
    else:  # what cannot be dealt evenly is left, and nothing is shared
        n_each = len(devices) // total
        assert found == [str(device) for device in devices[: n_each * total]]
        assert len(devices) - len(found) < total


@given(some_devices, counts, counts)
def test_the_same_devices_always_go_to_the_same_branches(devices, n_workers, n_branches):
    given_before = list(devices)
    first = get_devices(devices, n_workers, n_branches)
    assert first == get_devices([str(device) for device in devices], n_workers, n_branches)
    assert devices == given_before


def test_what_is_returned_is_nobody_elses():
    found = get_devices(None, 2, 2)
    found[0][0].append("x")
    assert found[0][1] == found[1][0] == [None]


@pytest.mark.parametrize(
    ("devices", "kind", "message"),
    [
        ([], ValueError, "at least one device, got an empty list: None means no device"),
        (-1, ValueError, "counted from zero, got -1: None means no device"),
        ("", ValueError, "name each device by itself, got ''"),
        ("0,1", ValueError, r"got '0,1': several are a list"),
        (True, TypeError, "an int, a str, None or a list of them, got bool True"),
        (1.0, TypeError, "got float 1.0"),
        ([0, [1]], TypeError, r"got list \[1\] in \[0, \[1\]\]"),
        ({0: 1}, TypeError, "got dict"),
        (b"0", TypeError, "got bytes"),
    ],
)
def test_devices_that_are_none(devices, kind, message):
    with pytest.raises(kind, match=f"`devices` .*{message}"):
        get_devices(devices)


@pytest.mark.parametrize("name", ["n_workers", "n_branches"])
@pytest.mark.parametrize("number", [0, -1, 1.5, True, None])
def test_numbers_of_workers_and_branches_are_positive(name, number):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive int, got"):
        get_devices(0, **{name: number})
