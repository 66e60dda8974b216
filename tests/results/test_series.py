"""Values of variables come back as they went in, whatever they are."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import math
import pathlib
import struct
import threading
from collections import OrderedDict, namedtuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from research import E, Experiment, O, Research, ResearchResults, S
from research.storage.encoding import Unloaded
from tests.results.small_studies import read_back, run, same, saved

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1


class Level(enum.IntEnum):
    """An enumeration of integers."""

    HIGH = 3


class Text(str):
    """A kind of str."""


SCALARS = [
    0,
    -1,
    2**53 + 1,
    -(2**63),
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**400,
    0.0,
    -0.0,
    0.1,
    5e-324,
    1.7976931348623157e308,
    math.nan,
    math.inf,
    -math.inf,
    True,
    False,
    None,
    "",
    "plain",
    "ünïcödé 漢字 😀",
    "nul\0inside",
    "\0",
    "\ud800 alone",
    "\udc80\udcff",
    "\ud83d\ude00",
    "'\"`;\\\n\r\t",
    "nan",
    "$json:1",
]
NUMPY_SCALARS = [
    np.int8(-5),
    np.uint8(200),
    np.int16(-300),
    np.int64(2**62 + 1),
    np.uint64(2**64 - 1),
    np.float16(0.1),
    np.float32(0.1),
    np.float32("nan"),
    np.float64(0.1),
    np.float64("-0.0"),
    np.float64("inf"),
    np.longdouble("0.1"),
    np.complex64(1 - 2j),
    np.complex128(complex(0.1, math.inf)),
    np.bool_(True),
    np.datetime64("2024-02-29"),
    np.datetime64("2024-02-29T12:30:00.123456789"),
    np.datetime64("NaT", "s"),
    np.timedelta64(90, "m"),
    np.str_("text"),
    np.bytes_(b"bytes"),
]
ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.arange(6.0, dtype=np.float32).reshape(2, 3).T,
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(10)[::3],
    np.array(5),
    np.array(2.5, dtype=np.float16),
    np.empty((0, 3)),
    np.array([]),
    np.array([1, 2], dtype=">i4"),
    np.array([math.nan, -0.0, math.inf]),
    np.array([True, False]),
    np.array(["a", "漢字"]),
    np.array([b"a", b"bc"]),
    np.array(["2024-01-01", "NaT"], dtype="M8[s]"),
    np.array([1 + 2j, 3]),
    np.array([(1, 2.5, "a")], dtype=[("n", "i4"), ("x", "f8"), ("s", "U3")]),
    np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    np.array([((1, 2), [3, 4])], dtype=[("pair", [("a", "i2"), ("b", "i2")]), ("block", "i4", 2)]),
    np.zeros(1, dtype=[("температура", "f4")]),
    np.array([1, "a", None, [2]], dtype=object),
]
OBJECTS = [
    1 + 2j,
    b"bytes\0",
    bytearray(b"more"),
    (),
    (1,),
    [],
    {},
    [1, [2.0, (None, {"k": [True, "x\0"]})]],
    {1: "int", "1": "str", (1, 2): "tuple", None: math.nan},
    {1, 2},
    frozenset([3]),
    range(3),
    [np.float32(0.1), np.arange(3)],
    decimal.Decimal("0.10"),
    fractions.Fraction(1, 3),
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
    datetime.timedelta(days=1, microseconds=5),
    pathlib.PurePosixPath("a/b"),
    OrderedDict(b=1, a=2),
    Point(1, 2),
    Colour.RED,
    Level.HIGH,
    Text("kind of str"),
    len,
    int,
    slice(1, 2),
    Ellipsis,
    np.dtype("f4"),
]
EVERYTHING = [*SCALARS, *NUMPY_SCALARS, *ARRAYS, *OBJECTS]


@pytest.mark.parametrize("value", EVERYTHING)
@pytest.mark.parametrize("dump", [None, 1])
def test_a_value_comes_back_alone_and_in_a_history_as_it_went_in(value, dump):
    for history in ([value], [value, value], [value] * 5, [value, None, "text", 1.5, value], [1, value]):
        got = read_back(history, dump=dump)
        assert all(map(same, got, history)), got
        assert len(got) == len(history)


def test_every_value_comes_back_from_a_folder():
    saved(EVERYTHING, dump_results=True)
    (variables,) = ResearchResults("study", load_objects=True).results.values()
    for value, got in zip(EVERYTHING, variables["x"].values(), strict=True):
        assert same(got, value), (got, value)


def test_an_array_comes_back_with_its_order_and_can_be_written_to():
    plain, fortran = read_back([np.zeros((2, 3)), np.zeros((2, 3), order="F")])
    assert plain.flags.c_contiguous
    assert fortran.flags.f_contiguous
    plain[0, 0] = fortran[0, 0] = 1


TEXT = st.text(st.characters())
SCALAR = st.one_of(
    st.integers(), st.integers(-(2**65), 2**65), st.floats(), st.booleans(), st.none(), st.text(), TEXT
)
BITS = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])


@given(SCALAR)
def test_any_scalar_comes_back_alone(value):
    assert same(read_back([value]), [value])


@given(st.lists(SCALAR, min_size=1), st.sampled_from([None, 1, 3]))
def test_any_scalars_come_back_together(values, dump):
    assert same(read_back(values, dump=dump), values)


@given(st.sampled_from([st.integers(), st.floats() | BITS, st.booleans(), TEXT]).flatmap(st.lists))
def test_a_long_history_of_one_type_comes_back(values):
    values = values * 20 or [1]
    assert same(read_back(values), values)


@given(hnp.scalar_dtypes().flatmap(lambda dtype: hnp.arrays(dtype, st.integers(1, 5))))
def test_any_scalars_of_numpy_come_back(array):
    values = [array[place] for place in range(len(array))]
    assert same(read_back(values), values)


@settings(max_examples=50)
@given(hnp.arrays(hnp.scalar_dtypes() | hnp.array_dtypes(), hnp.array_shapes(min_dims=0, min_side=0)))
def test_any_array_comes_back(array):
    assert same(read_back([array]), [array])


def test_functions_and_objects_of_local_classes_come_back():
    class Local:
        def __init__(self, n):
            self.n = n

        def twice(self):
            return self.n * factor

    factor = 2
    values = [lambda x: x * factor, Local(4), Local, Local(5).twice]
    double, instance, kind, method = read_back(values)
    assert double(21) == 42
    assert (instance.n, instance.twice()) == (4, 8)
    assert kind(3).twice() == 6
    assert method() == 10


def test_a_value_is_kept_as_it_was_when_it_was_saved():
    array, items, nested = np.zeros(2), [], {"k": []}

    def grow(i):
        array[0] = i
        items.append(i)
        nested["k"].append(i)
        return array, items, nested

    experiment = Experiment().add_callable(grow, i=E().iteration, save_to=["array", "items", "nested"])
    (results,) = run(experiment, n_iters=3).results.values()
    assert [value[0] for value in results["array"].values()] == [0, 1, 2]
    assert list(results["items"].values()) == [[0], [0, 1], [0, 1, 2]]
    assert list(results["nested"].values()) == [{"k": [0]}, {"k": [0, 1]}, {"k": [0, 1, 2]}]


def test_what_cannot_be_stored_fails_its_experiment_and_names_the_type():
    study = Research("study", experiment=Experiment().save(1, "x").save((n for n in [1]), "y"))
    study.run(dump_results=False, parallel=False, bar=False)
    (failure,) = study.monitor.exceptions
    assert failure["name"] == "save_y"
    assert isinstance(failure["exception"], TypeError)
    assert "generator" in str(failure["exception"])
    (variables,) = study.results.results.values()
    assert variables == {"x": {0: 1}}


@pytest.mark.parametrize(
    ("when", "iterations"),
    [(3, [2, 5, 8]), ("last", [9]), (["%1", "%4", "last"], [1, 4, 9]), (["%0", "%1", "%7"], [0, 1, 7])],
)
@pytest.mark.parametrize("dump", [None, 1, 4])
def test_values_keep_their_iterations(when, iterations, dump):
    experiment = Experiment().add_callable("n", lambda i: i * 10, [E().iteration], when=when, save_to="n")
    experiment.add_callable("tick", lambda: None, dump=dump)
    (variables,) = run(experiment, n_iters=10).results.values()
    assert variables == {"n": {iteration: iteration * 10 for iteration in iterations}}


OVERWRITTEN = [
    (1, 2),
    (1, 2.5),
    ([1], 2),
    ([1], 2.5),
    ([1], None),
    ([1], [2]),
    (np.arange(2), None),
    (np.arange(2), 1.5),
    (1.5, [1]),
    ("text", np.float32(1)),
    ([1], np.float32(1)),
]


@pytest.mark.parametrize(("first", "second"), OVERWRITTEN)
@pytest.mark.parametrize("n_iters", [1, 3])
def test_of_two_values_of_one_iteration_the_later_stays_though_the_first_was_sent(first, second, n_iters):
    for when in (1, "%0", "%1", "last"):
        experiment = Experiment().save(second, "x").save(first, "x").dump(when=when).save(second, "x")
        (variables,) = run(experiment, n_iters=n_iters).results.values()
        assert same(variables["x"], dict.fromkeys(range(n_iters), second)), when


def test_a_value_of_another_type_at_one_iteration_changes_none_of_the_others():
    def update(save, i):
        save("x", [1] if i == 0 else 0.5)

    experiment = Experiment().add_callable("first", update, [S().update_variable, E().iteration], dump="%0")
    experiment.save(0.5, "x")
    (variables,) = run(experiment, n_iters=4).results.values()
    assert same(variables["x"], dict.fromkeys(range(4), 0.5))


def test_without_loading_objects_arrays_are_read_and_the_rest_waits_to_be_asked():
    values = [1, np.arange(3), [1, 2], np.array([None]), "x"]
    saved(values, dump_results=True)
    (variables,) = ResearchResults("study").results.values()
    number, array, items, objects, text = variables["x"].values()
    assert (number, text) == (1, "x")
    assert same(array, np.arange(3))
    assert type(items) is type(objects) is Unloaded
    assert "not loaded" in repr(items)
    assert items.load() == [1, 2]
    assert same(objects.load(), np.array([None]))


def test_a_single_object_waits_to_be_asked_too():
    saved([{"k": 1}], dump_results=True)
    (variables,) = ResearchResults("study").load().results.values()
    assert type(variables["x"][0]) is Unloaded
    (variables,) = ResearchResults("study").load(load_objects=True).results.values()
    assert variables["x"][0] == {"k": 1}


def test_values_of_branches_are_their_own():
    experiment = Experiment().add_callable("name", lambda: threading.current_thread().name, root=True)
    experiment.save([O("name"), E().id], "x", when=1)
    results = run(experiment, {"a": list(range(7))}, branches=3, n_iters=3).results
    assert len(results) == 7
    for name, variables in results.items():
        assert [value[1] for value in variables["x"].values()] == [name] * 3
