"""What every store promises, whichever it is."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from research.errors import StudyExistsError, StudyNotFoundError
from research.events import (
    DONE,
    FAILED,
    FUNCTIONS,
    TIMES,
    Failure,
    ProfileBlock,
    Profiled,
    Running,
    Values,
)
from research.results.values import all_series, opened
from research.storage.base import Closed, Registered, Restarted
from research.storage.encoding import encode_block, freeze
from tests.storage.records import ended, registered, study


class Opinion:
    """An object that only pickle can keep."""

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return self.text == other.text

    __hash__ = None


VALUES = [
    1,
    -(2**53) - 1,
    2**70,
    1.5,
    float("inf"),
    -0.0,
    True,
    False,
    None,
    "",
    "text",
    "ünïcode ✓",
    "NUL \0 and surrogate \ud800",
    np.float32(0.1),
    np.int8(-3),
    np.uint64(2**64 - 1),
    np.bool_(True),
    np.complex128(1 + 2j),
    np.datetime64("2026-01-02"),
    3 + 4j,
    [1, "a", None],
    {"nested": {"list": [1, 2.5]}},
    b"bytes \0",
    Opinion("kept"),
]


def values(number, *blocks):
    return Values(f"{number:016x}", blocks, False)


def block(variable, iterations, saved, number=None):
    return encode_block(variable, number, iterations, [freeze(value) for value in saved])


def profiled(number, *blocks):
    return Profiled(f"{number:016x}", blocks)


def times(unit, data, number=0, iterations=(0, 1), place=0, kind=TIMES):
    return ProfileBlock(kind, place, unit, number, iterations, len(data), data)


def read_profile(store, select=None, kind=TIMES):
    snapshot = store.read(select, profile=kind)
    numbers = {row.key: row.number for row in snapshot.experiments}
    assert not (snapshot.latest or snapshot.history or snapshot.objects)
    return [(numbers[row.key], row.unit, row.block, row.data) for row in snapshot.profiles]


def read_values(store, load_objects=True):
    snapshot = store.read(variables=None)
    ids = {row.key: row.id for row in snapshot.experiments}
    return {
        (ids[series.key], series.variable): series.as_saved()
        for series in all_series(snapshot, opened(snapshot.objects, load_objects))
    }


def test_a_study_is_read_as_it_was_begun(store):
    name = f"a/b ../x ü \0 {uuid.uuid4()}"
    store.begin(study(name))
    assert store.study() == study(name)


@pytest.mark.parametrize("end", [(DONE, None), ("stopped", None), ("broken", "OSError: \0 no room")])
def test_a_study_tells_how_it_ended(begun, end):
    study = begun.study()
    assert (study.finished, study.outcome, study.error) == (None, None, None)
    outcome, error = end
    begun.write([registered(0), ended(0), Closed(12.5, outcome, error)])
    closed = begun.study()
    assert closed[:6] == study[:6]
    assert (closed.finished, closed.outcome) == (12.5, outcome)
    assert (closed.error is None) == (error is None)
    assert error is None or "no room" in closed.error


def test_a_study_of_one_name_is_begun_once(begun):
    with pytest.raises(StudyExistsError, match="holds a study"):
        begun.begin(begun.study())


def test_a_store_that_holds_nothing_says_so(store):
    with pytest.raises(StudyNotFoundError, match="holds no study"):
        store.study()


def test_an_experiment_is_queued_then_running_then_done(begun):
    statuses = []
    for record in (registered(0), Running(2, f"{0:016x}", 1.0, 0), ended(0)):
        begun.write([record])
        statuses.append(begun.read().experiments[0].status)
    assert statuses == ["queued", "running", "done"]


def test_records_of_one_write_and_of_many_come_to_the_same(begun):
    records = [
        registered(0, aliases='{"names":{}}'),
        Running(2, f"{0:016x}", 1.0, 0),
        values(0, block("x", [0], [1])),
        ended(0),
    ]
    begun.write(records)
    for record in [
        record._replace(member=record.member._replace(id=f"{1:016x}"))
        if isinstance(record, Registered)
        else record._replace(experiment=f"{1:016x}")
        for record in records
    ]:
        begun.write([record])
    first, second = begun.read().experiments
    assert first._replace(key=0, id="") == second._replace(key=0, id="")
    assert first.worker == 2 and first.iterations == 7 and (first.started, first.finished) == (1.0, 2.0)
    assert read_values(begun) == {(f"{n:016x}", "x"): {0: 1} for n in (0, 1)}


def test_an_experiment_keeps_its_group_and_its_slot(begun):
    begun.write([registered(0), registered(1)._replace(group=2**40, slot=3)])
    assert [(row.group, row.slot) for row in begun.read().experiments] == [(0, 0), (2**40, 3)]


def test_an_experiment_keeps_the_code_that_it_was_made_with(begun):
    begun.write([registered(0)._replace(code="0123abcd"), registered(1)])
    assert [row.code for row in begun.read().experiments] == ["0123abcd", None]
    begun.write([ended(0), registered(0)._replace(code="4567cdef", key=0, attempt=2, is_stored=True)])
    assert [(row.code, row.attempt) for row in begun.read().experiments] == [("4567cdef", 2), (None, 1)]


def test_experiments_are_read_in_the_order_of_their_registration(begun):
    for number in (3, 1, 2):
        begun.write([registered(number)])
    assert [row.number for row in begun.read().experiments] == [3, 1, 2]


def test_failures_are_kept_with_their_tracebacks(begun):
    failures = tuple(
        Failure("unit \0", n, "ValueError", "bad \ud800", "Traceback \0 \ud800", b"x") for n in (1, 2)
    )
    begun.write([registered(0), ended(0, FAILED, failures)])
    row = begun.read().experiments[0]
    assert row.status == "failed"
    assert "ValueError: bad" in row.error
    assert row.failures.count("Traceback") == 2


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r:.20}")
def test_a_single_value_comes_back_as_it_went_in(begun, value):
    begun.write([registered(0), values(0, block("x", [5], [value])), ended(0)])
    (((_, _), found),) = read_values(begun).items()
    assert list(found) == [5]
    assert type(found[5]) is type(value)
    assert found[5] == value


def test_nan_comes_back_as_nan(begun):
    begun.write([registered(0), values(0, block("x", [0], [float("nan")]))])
    assert np.isnan(read_values(begun)[f"{0:016x}", "x"][0])


def test_a_history_of_mixed_values_comes_back_as_it_went_in(begun):
    begun.write([registered(0), values(0, block("x", range(len(VALUES)), VALUES, 0)), ended(0)])
    found = read_values(begun)[f"{0:016x}", "x"]
    assert list(found.values()) == VALUES
    assert list(map(type, found.values())) == list(map(type, VALUES))


@pytest.mark.parametrize(
    "history",
    [
        [1, 2, 3],
        [0.5, 1.5],
        [True, False],
        ["a", "b\0"],
        [np.float32(1), np.float32(2)],
        [2**80, 1],
        [None] * 2,
    ],
    ids=repr,
)
def test_a_history_of_one_type_keeps_it(begun, history):
    begun.write([registered(0), values(0, block("x", range(len(history)), history, 0))])
    found = list(read_values(begun)[f"{0:016x}", "x"].values())
    assert found == history
    assert {type(value) for value in found} == {type(value) for value in history}


def test_arrays_are_read_without_unpickling(begun):
    array = np.arange(6, dtype="<i2").reshape(2, 3)
    begun.write([registered(0), values(0, block("x", [0, 1], [array, array + 1], 0))])
    found = read_values(begun, load_objects=False)[f"{0:016x}", "x"]
    assert found[1].dtype == array.dtype
    np.testing.assert_array_equal(found[1], array + 1)


def test_pickled_objects_stay_closed_until_asked_for(begun):
    begun.write([registered(0), values(0, block("x", [0], [Opinion("open")]))])
    closed = read_values(begun, load_objects=False)[f"{0:016x}", "x"][0]
    assert "not loaded" in repr(closed)
    assert closed.load() == Opinion("open")


def test_blocks_of_a_variable_are_joined_and_the_later_value_stays(begun):
    begun.write([registered(0), values(0, block("x", [0, 1, 2], [0, 1, 2], 0))])
    begun.write([values(0, block("x", [2, 5, 9], [20, 50, 90], 1))])
    assert read_values(begun)[f"{0:016x}", "x"] == {0: 0, 1: 1, 2: 20, 5: 50, 9: 90}


def test_the_last_value_is_plain_sql(begun):
    begun.write([registered(0), values(0, block("x", [0, 1], [0.5, 0.25], 0), block("s", [0], ["text"]))])
    rows = {row.variable: row for row in begun.read(variables=None).latest}
    assert (rows["x"].iteration, rows["x"].type, rows["x"].number) == (1, "float", 0.25)
    assert (rows["s"].type, rows["s"].text) == ("str", "text")


def test_a_restarted_experiment_forgets_its_values(begun):
    begun.write([registered(0), registered(1), values(1, block("x", [0], [1]))])
    begun.write([values(0, block("x", [0, 1], [1, 2], 0), block("gone", [0], [[1]]))])
    begun.write([Restarted(f"{0:016x}")])
    assert begun.read().experiments[0].status == "queued"
    begun.write([values(0, block("x", [0], [3])), ended(0)])
    assert read_values(begun) == {(f"{0:016x}", "x"): {0: 3}, (f"{1:016x}", "x"): {0: 1}}


def test_a_restart_within_one_write_forgets_what_came_before_it(begun):
    begun.write(
        [
            registered(0),
            values(0, block("old", [0], [1])),
            Restarted(f"{0:016x}"),
            values(0, block("new", [0], [2])),
        ]
    )
    assert read_values(begun) == {(f"{0:016x}", "new"): {0: 2}}


def test_experiments_and_variables_are_chosen(begun):
    for number in range(5):
        begun.write([registered(number), values(number, block("x", [0], [number]), block("y", [0], ["no"]))])
    snapshot = begun.read(lambda row: row.number in (1, 3), ["x"])
    assert [row.number for row in snapshot.experiments] == [1, 3]
    assert [(row.variable, row.number) for row in snapshot.latest] == [("x", 1), ("x", 3)]
    assert not begun.read().latest


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "ünïcode", "with 'quotes\"", "NUL \0", "\ud800", "$hex:x", ""]
)
def test_variables_may_have_any_name(begun, name):
    begun.write([registered(0), values(0, block(name, [0], [[1, 2]]))])
    assert read_values(begun) == {(f"{0:016x}", name): {0: [1, 2]}}


def test_what_cannot_be_written_is_not_written_in_part(begun):
    begun.write([registered(0)])
    with pytest.raises((KeyError, TypeError)):
        begun.write([values(0, block("x", [0], [1])), values(7, block("x", [0], [1]))])
    assert not begun.read(variables=None).latest


def test_many_experiments_are_found_by_selection(begun):
    begun.write([record for n in range(1500) for record in (registered(n), values(n, block("x", [0], [n])))])
    snapshot = begun.read(lambda row: row.number != 700, None)
    assert len(snapshot.latest) == 1499


def test_a_profile_comes_back_by_experiment_unit_and_block(begun):
    begun.write([registered(0), registered(1), profiled(1, times("b", b"1"), times("a", b"2", place=1))])
    begun.write([profiled(0, times("b", b"3")), profiled(1, times("b", b"4", 1, b"\0" * 8))])
    assert read_profile(begun) == [(0, "b", 0, b"3"), (1, "b", 0, b"1"), (1, "b", 1, b"4"), (1, "a", 0, b"2")]
    rows = begun.read(profile=TIMES).profiles
    assert [(row.first, row.step, row.iterations) for row in rows[1:3]] == [(0, 1, None), (0, 0, b"\0" * 8)]
    assert [(row.place, row.length, row.kind) for row in rows[2:]] == [(0, 1, TIMES), (1, 1, TIMES)]


def test_a_profile_is_read_when_it_is_asked_for_and_in_the_part_that_is(begun):
    part = times("f", b"x")
    begun.write(
        [registered(0), values(0, block("x", [0], [1])), profiled(0, part, part._replace(kind=FUNCTIONS))]
    )
    assert not begun.read().profiles
    assert not begun.read(variables=None).profiles
    for kind in (TIMES, FUNCTIONS):
        assert [row.kind for row in begun.read(profile=kind).profiles] == [kind]
    assert read_values(begun) == {(f"{0:016x}", "x"): {0: 1}}
    both = begun.read(None, None, TIMES)
    assert len(both.profiles) == len(both.latest) == 1


def test_profiles_of_some_experiments(begun):
    begun.write([record for n in range(1200) for record in (registered(n), profiled(n, times("f", b"x")))])
    assert [row[0] for row in read_profile(begun, lambda row: row.number in (3, 5))] == [3, 5]
    assert len(read_profile(begun, lambda row: row.number != 700)) == 1199


def test_an_experiment_that_begins_anew_says_which_attempt_this_is(begun):
    def attempts():
        return [row.attempt for row in begun.read().experiments]

    begun.write([registered(0), registered(1), Restarted(f"{1:016x}", 2)])
    assert attempts() == [1, 2]
    begun.write([Restarted(f"{0:016x}"), Restarted(f"{1:016x}", 3), Running(0, f"{1:016x}", 1.0, 0)])
    assert attempts() == [1, 3]
    begun.write([ended(0), ended(1)])
    assert attempts() == [1, 3]


def test_a_restarted_experiment_forgets_its_profile(begun):
    begun.write([registered(0), registered(1), profiled(1, times("f", b"1")), profiled(0, times("f", b"2"))])
    begun.write([profiled(0, times("f", b"3", 1)), Restarted(f"{0:016x}")])
    assert read_profile(begun) == [(1, "f", 0, b"1")]
    begun.write([profiled(0, times("f", b"4")), ended(0)])
    assert read_profile(begun) == [(0, "f", 0, b"4"), (1, "f", 0, b"1")]


@pytest.mark.parametrize("name", ["", "NUL \0", "\ud800", "ünïcode", "$hex:x"])
def test_units_of_profiles_may_have_any_name(begun, name):
    begun.write([registered(0), profiled(0, times(name, b"\0\xff"))])
    assert read_profile(begun) == [(0, name, 0, b"\0\xff")]


def test_a_profile_of_an_experiment_that_nobody_knows_is_written_in_no_part(begun):
    begun.write([registered(0)])
    with pytest.raises(KeyError):
        begun.write([profiled(0, times("f", b"1")), profiled(7, times("f", b"1"))])
    assert not begun.read(profile=TIMES).profiles
