"""When a unit runs: every form of `when`, and what means nothing."""

from __future__ import annotations

import numpy as np
import pytest

from research import EC, E, Experiment
from research.experiment.schedule import When, parse_when
from tests.experiment.evaluation import run_one

N_ITERS = 12
FORMS = [
    (1, list(range(12))),
    (2, [1, 3, 5, 7, 9, 11]),
    (5, [4, 9]),
    (12, [11]),
    (13, []),
    ("%5", [5]),
    ("#5", [5]),
    ("%0", [0]),
    ("#11", [11]),
    ("%12", []),
    ("last", [11]),
    (["%0", "#3", "last"], [0, 3, 11]),
    ((4, "%0"), [0, 3, 7, 11]),
    ([5, 3], [2, 4, 5, 8, 9, 11]),
    ([1, "%3"], list(range(12))),
    (["last", "last"], [11]),
]


@pytest.mark.parametrize(("when", "due"), FORMS)
def test_a_unit_runs_at_the_iterations_that_when_says(when, due):
    called = []
    experiment = Experiment().add_callable("unit", called.append, args=[E().iteration], when=when)
    run_one(experiment, n_iters=N_ITERS)
    assert called == due


@pytest.mark.parametrize(("when", "due"), FORMS)
def test_values_are_saved_at_the_iterations_that_when_says(when, due):
    results = run_one(Experiment().save(E().iteration, "x", when=when), n_iters=N_ITERS).results
    assert results.get("x", {}) == {iteration: iteration for iteration in due}


def test_what_is_due_once_in_a_while_and_last_is_due_once_where_both_fall_together():
    called = []
    experiment = Experiment().add_callable(
        "unit", called.append, args=[E().iteration], when=[3, "last", "%5"]
    )
    run_one(experiment, n_iters=6)
    assert called == [2, 5]


MEANINGLESS = [
    0,
    -1,
    True,
    False,
    1.0,
    2.5,
    None,
    "",
    "5",
    "%",
    "%-1",
    "%1.5",
    "% 5",
    "%5 ",
    "%٣",
    "first",
    "Last",
    b"last",
    [],
    (),
    [1, None],
    ["last", 0],
    [[1]],
    {},
    {1},
    {"last": 1},
    float("nan"),
    range(3),
    object(),
    np.array([1]),
]


@pytest.mark.parametrize("when", MEANINGLESS)
def test_what_means_nothing_is_refused_where_the_unit_is_added(when):
    for add in (
        lambda: Experiment().add_callable("unit", len, when=when),
        lambda: Experiment().add_generator("unit", [1], when=when),
        lambda: Experiment().save(1, "x", when=when),
        lambda: Experiment().dump(when=when),
        lambda: Experiment(namespaces=[{"unit": len}]).unit(when=when),
    ):
        with pytest.raises(ValueError, match="`when` must") as caught:
            add()
        assert repr(when) in str(caught.value)


@pytest.mark.parametrize("dump", [0, "first", [], True])
def test_the_error_names_the_argument_that_means_nothing(dump):
    with pytest.raises(ValueError, match="`dump` must"):
        Experiment().add_callable("unit", len, dump=dump)


def test_an_expression_is_no_schedule():
    with pytest.raises(TypeError, match=r"EC\('period'\)"):
        Experiment().add_callable("unit", len, when=EC("period"))


def test_schedules_are_values():
    assert parse_when([1, "%2", "last"]) == parse_when((1, "#2", "last"))
    assert parse_when("last") == When(last=True)
    assert len({parse_when(3), parse_when([3]), parse_when(4)}) == 2


def test_only_every_iteration_is_always():
    assert [parse_when(when).always for when in (1, [2, 1], 2, "%0", "last")] == [
        True,
        True,
        False,
        False,
        False,
    ]
