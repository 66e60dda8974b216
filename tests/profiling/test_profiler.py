"""Tables of what was measured: their shape, their order, and what they are asked for."""

from __future__ import annotations

from array import array

import numpy as np
import pandas as pd
import pytest

from research.profiling.frames import ITERATION
from research.profiling.measuring import Called, Measured, Timings
from research.profiling.profiler import Profiler, Source
from research.profiling.stats import FunctionStats

TIMES = {  # experiment -> unit -> iteration -> (total, in the function)
    "b": {
        "load": {0: (3.0, 2.0)},
        "fit": {0: (1.0, 0.5), 1: (2.0, 1.5), 2: (4.0, 3.5)},
        "save": {2: (0.5, 0.0)},
        "": {0: (5.0,), 1: (2.5,), 2: (5.0,)},
    },
    "a": {
        "load": {0: (1.0, 1.0)},
        "fit": {0: (2.0, 2.0), 1: (1.0, 1.0)},
        "": {0: (4.0,), 1: (2.0,)},
    },
}
PLACES = {"load": 0, "fit": 1, "save": 2, "": 3}
CALLED = (
    Called(
        "b",
        "load",
        [FunctionStats("read", "x.py", 3, 1, 2.0, 2.0), FunctionStats("open", "~", 0, 9, 0.25, 0.5)],
    ),
    Called(
        "b",
        "fit",
        [FunctionStats("step", "y.py", 7, 90, 4.0, 5.0), FunctionStats("log", "y.py", 9, 3, 1.0, 9.0)],
    ),
    Called("a", "load", [FunctionStats("read", "x.py", 3, 1, 1.0, 1.0)]),
    Called(
        "a",
        "fit",
        [FunctionStats("step", "y.py", 7, 60, 2.0, 3.0), FunctionStats("log", "z.py", 9, 2, 0.5, 9.0)],
    ),
)


def timings():
    for key, (experiment, units) in enumerate(TIMES.items()):
        for unit, rows in units.items():
            total = array("d", [times[0] for times in rows.values()])
            inner = np.array([times[1] for times in rows.values()]) if unit else None
            yield Timings(key, experiment, Measured(PLACES[unit], unit, array("q", rows), total, inner))


@pytest.fixture
def profiler():
    return Profiler(Source(timings, lambda: CALLED), 2)


def shown(frame):
    """Return a table as labels and values."""
    return [(label, *row) for label, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]


def test_calls_come_by_experiment_iteration_and_unit(profiler):
    info = profiler.profile_info
    assert info.index.name == "unit"
    assert info.columns.tolist() == ["experiment", "iter", "total_time", "unit_time"]
    assert info.dtypes.astype(str).tolist()[1:] == ["int64", "float64", "float64"]
    assert shown(info) == [
        ("load", "b", 0, 3.0, 2.0),
        ("fit", "b", 0, 1.0, 0.5),
        (ITERATION, "b", 0, 5.0, 2.5),
        ("fit", "b", 1, 2.0, 1.5),
        (ITERATION, "b", 1, 2.5, 1.5),
        ("fit", "b", 2, 4.0, 3.5),
        ("save", "b", 2, 0.5, 0.0),
        (ITERATION, "b", 2, 5.0, 3.5),
        ("load", "a", 0, 1.0, 1.0),
        ("fit", "a", 0, 2.0, 2.0),
        (ITERATION, "a", 0, 4.0, 3.0),
        ("fit", "a", 1, 1.0, 1.0),
        (ITERATION, "a", 1, 2.0, 1.0),
    ]


def test_details_have_a_row_for_each_function_of_a_unit_of_an_experiment(profiler):
    details = profiler.details
    assert details.index.name == "unit"
    assert details.columns.tolist() == [
        "experiment",
        "function",
        "file",
        "line",
        "ncalls",
        "tottime",
        "cumtime",
    ]
    assert shown(details)[1] == ("load", "b", "open", "~", 0, 9, 0.25, 0.5)
    assert len(details) == 7


def test_units_are_shown_with_the_sum_the_mean_and_the_longest_of_their_calls(profiler):
    table = profiler.show_profile_info()
    assert table.columns.tolist() == [
        (time, how) for time in ("total_time", "unit_time") for how in ("sum", "mean", "max")
    ]
    assert shown(table) == [
        (ITERATION, 18.5, 3.7, 5.0, 11.5, 2.3, 3.5),
        ("fit", 10.0, 2.0, 4.0, 8.5, 1.7, 3.5),
        ("load", 4.0, 2.0, 3.0, 3.0, 1.5, 2.0),
        ("save", 0.5, 0.5, 0.5, 0.0, 0.0, 0.0),
    ]


def test_experiments_are_shown_in_their_order_each_by_itself(profiler):
    table = profiler.show_profile_info(per_experiment=True, columns="total_time", limit=2)
    assert shown(table) == [
        (("b", ITERATION), 12.5, 12.5 / 3, 5.0),
        (("b", "fit"), 7.0, 7 / 3, 4.0),
        (("a", ITERATION), 6.0, 3.0, 4.0),
        (("a", "fit"), 3.0, 1.5, 2.0),
    ]


def test_iterations_are_shown_in_their_order_with_means_over_experiments(profiler):
    table = profiler.show_profile_info(per_iter=True)
    assert table.columns.tolist() == ["total_time", "unit_time"]
    assert table.index.names == ["iter", "unit"]
    assert shown(table)[:4] == [
        ((0, ITERATION), 4.5, 2.75),
        ((0, "load"), 2.0, 1.5),
        ((0, "fit"), 1.5, 1.25),
        ((1, ITERATION), 2.25, 1.25),
    ]
    table = profiler.show_profile_info(per_iter=True, per_experiment=True, limit=1, columns=["total_time"])
    assert shown(table) == [
        (("b", 0, ITERATION), 5.0),
        (("b", 1, ITERATION), 2.5),
        (("b", 2, ITERATION), 5.0),
        (("a", 0, ITERATION), 4.0),
        (("a", 1, ITERATION), 2.0),
    ]


def test_iterations_may_be_grouped_otherwise(profiler):
    table = profiler.show_profile_info(per_iter=True, groupby=["unit", "iter"], columns="total_time", limit=2)
    assert shown(table)[:4] == [
        ((ITERATION, 2), 5.0),
        ((ITERATION, 0), 4.5),
        (("fit", 2), 4.0),
        (("fit", 0), 1.5),
    ]
    assert profiler.show_profile_info(per_iter=True, groupby="unit").index.tolist() == [
        ITERATION,
        "load",
        "fit",
        "save",
    ]


def test_functions_are_shown_by_units_the_slowest_first(profiler):
    table = profiler.show_profile_info(detailed=True)
    assert table.index.names == ["unit", "function", "file", "line"]
    assert table.index.tolist() == [
        ("fit", "step", "y.py", 7),
        ("fit", "log", "y.py", 9),
        ("fit", "log", "z.py", 9),
        ("load", "read", "x.py", 3),
        ("load", "open", "~", 0),
    ]
    assert table.iloc[0].tolist() == [150, 75, 90, 6.0, 3.0, 4.0, 8.0, 4.0, 5.0]
    assert profiler.show_profile_info(detailed=True, limit=1).index.get_level_values("function").tolist() == [
        "step",
        "read",
    ]


def test_functions_of_each_experiment(profiler):
    table = profiler.show_profile_info(detailed=True, per_experiment=True, columns="ncalls", limit=1)
    assert shown(table) == [
        (("b", "fit", "step", "y.py", 7), 90, 90.0, 90),
        (("b", "load", "open", "~", 0), 9, 9.0, 9),
        (("a", "fit", "step", "y.py", 7), 60, 60.0, 60),
        (("a", "load", "read", "x.py", 3), 1, 1.0, 1),
    ]


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"sortby": "unit_time"}, ITERATION),
        ({"sortby": ("unit_time", "mean"), "limit": 1}, ITERATION),
        ({"sortby": ["total_time", "max"], "limit": None}, ITERATION),
        ({"detailed": True, "sortby": "cumtime"}, ("fit", "log", "y.py", 9)),
        ({"detailed": True, "sortby": ("ncalls", "max")}, ("fit", "step", "y.py", 7)),
    ],
    ids=str,
)
def test_tables_are_sorted_by_any_column(profiler, options, first):
    assert profiler.show_profile_info(**options).index[0] == first


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"per_iter": True, "detailed": True}, r"`per_iter=True` and `detailed=True` exclude each other"),
        ({"groupby": "unit"}, r"`groupby='unit'` needs `per_iter=True`"),
        ({"per_iter": True, "groupby": "units"}, "`groupby`.*'units'; did you mean 'unit'"),
        ({"per_iter": True, "groupby": []}, r"`groupby`.*got \[\]"),
        ({"columns": ["total"]}, "`columns` must be of .*'total'.*did you mean 'total_time'"),
        ({"columns": 5}, "`columns`.*got 5"),
        ({"columns": "total_time", "detailed": True}, "`columns` must be of .*'ncalls'.*got 'total_time'"),
        ({"sortby": "tottime"}, "`sortby` must be one of .*'total_time'.*got 'tottime'"),
        ({"sortby": ("total_time", "min")}, r"`sortby`.*'max'.*got \('total_time', 'min'\)"),
        ({"sortby": 3}, "`sortby`.*got 3"),
        ({"sortby": "unit_time", "columns": "total_time"}, "`sortby`.*got 'unit_time'"),
        (
            {"per_iter": True, "sortby": ("total_time", "sum")},
            r"`sortby` must be one of \('total_time', 'unit",
        ),
        ({"limit": 0}, "`limit`.*got 0"),
        ({"limit": True}, "`limit`.*got True"),
    ],
    ids=str,
)
def test_arguments_that_mean_nothing(profiler, options, text):
    with pytest.raises(ValueError, match=text):
        profiler.show_profile_info(**options)


def test_before_anything_was_measured_tables_are_empty_and_have_their_columns():
    profiler = Profiler(Source(lambda: (), lambda: ()), 2)
    assert profiler.profile_info.columns.tolist() == ["experiment", "iter", "total_time", "unit_time"]
    assert profiler.profile_info.index.name == "unit"
    assert profiler.details.empty
    for options in ({}, {"per_iter": True}, {"per_experiment": True}, {"detailed": True}):
        table = profiler.show_profile_info(**options)
        assert isinstance(table, pd.DataFrame) and table.empty


def test_each_reading_reads_anew():
    found = []
    profiler = Profiler(Source(lambda: found, lambda: ()), 1)
    assert profiler.profile_info.empty
    found.extend(timings())
    assert len(profiler.profile_info) == 13


def test_a_unit_without_a_name_is_none_of_the_iterations():
    row = Timings(0, "a", Measured(0, "", array("q", [0]), array("d", [1.0]), array("d", [1.0])))
    assert Profiler(Source(lambda: [row], lambda: ()), 1).profile_info.index.tolist() == [""]
