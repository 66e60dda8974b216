"""Which groups are best, command lines for all of them, and their children."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import ParameterStore
from research.errors import StudyError
from research.groups.commands import shell_lines
from research.groups.scores import Score, aggregated, best
from tests.groups.programs import program, write


def loaded(n, text="x = {}\nn_int = 5", db="prime.db", schema=None):
    params = ParameterStore(db)
    return params, [params.load(write("g.js", text.format(number + 1)), schema=schema) for number in range(n)]


def report(params, group, dataset, **values):
    with ParameterStore(params.database.place, group=group).report(dataset) as results:
        results.update(values)


def test_the_highest_three_and_the_lowest_three_of_six():
    params, groups = loaded(6)
    for number, group in enumerate(groups):
        report(params, group, "ice", loss=number)
    assert [score.value for score in params.top("loss", 3)] == [5, 4, 3]
    assert [score.value for score in params.top("loss", 3, mode="min")] == [0, 1, 2]
    assert [score.group for score in params.top("loss", 3)] == groups[:2:-1]


def test_data_sets_are_compared_apart_or_together_as_it_is_said():
    params, (one, two, three) = loaded(3)
    for group, dataset, loss in [
        (one, "a", 1),
        (one, "b", 100),
        (two, "a", 2),
        (two, "b", 50),
        (three, "a", 0),
    ]:
        report(params, group, dataset, loss=loss)
    apart = params.top("loss", 1, mode="min")
    assert [(score.group, score.dataset) for score in apart] == [(three, "a"), (two, "b")]
    means = params.top("loss", mode="min", aggregate="mean")
    assert [(score.group, score.value) for score in means] == [(two, 26), (one, 50.5)]  # `three` lacks one
    assert [score.value for score in params.top("loss", mode="min", aggregate="worst")] == [50, 100]
    assert [score.value for score in params.top("loss", aggregate="worst")] == [2, 1]
    only = params.top("loss", mode="min", aggregate="median", data=["a"])
    assert [score.value for score in only] == [0, 1, 2]


def test_runs_of_one_group_and_data_set_are_averaged_and_failed_ones_left_out():
    params, (one,) = loaded(1)
    report(params, one, "a", loss=1)
    report(params, one, "a", loss=3)
    with pytest.raises(RuntimeError), params.report("a"):
        raise RuntimeError
    assert params.top("loss") == [Score(one, "a", 2.0, 3)]


def test_what_makes_no_sense_is_told():
    params, (one,) = loaded(1)
    report(params, one, "a", loss=1, name="x")
    for call in (params.top, params.breed):
        with pytest.raises(
            StudyError, match=r"no run in 'prime\.db' has reported 'los'; did you mean 'loss'"
        ):
            call("los")
        with pytest.raises(ValueError, match=r"`mode` must be 'max' or 'min', got 'least'"):
            call("loss", mode="least")
        with pytest.raises(ValueError, match=r"`aggregate` must be 'mean', 'median' or 'worst', got 'sum'"):
            call("loss", aggregate="sum")
        with pytest.raises(ValueError, match=r"`data`: there is no run for 'b'; known: 'a'"):
            call("loss", data=["b"])
        with pytest.raises(TypeError, match=r"'name' must be a number, got 'x' of the group"):
            call("name")
    with pytest.raises(ValueError, match=r"`children` must be a positive int, got 0"):
        params.breed("loss", children=0)
    with pytest.raises(ValueError, match=r"`focus`: there is no parameter or tag 'y'; known: 'n_int', 'x'"):
        params.breed("loss", focus=["y"])


VALUES = st.lists(st.integers(-5, 5), min_size=1, max_size=4)


@given(st.lists(VALUES, min_size=1, max_size=5), st.sampled_from(["mean", "median", "worst"]))
def test_better_everywhere_is_better_together(rows, how):
    n = min(map(len, rows))
    names = [f"d{place}" for place in range(n)]
    found = [
        Score(f"g{number}", names[place], float(row[place]), 1)
        for number, row in enumerate(rows)
        for place in range(n)
    ]
    joined = {score.group: score.value for score in aggregated(found, how, "max", names)}
    for (one, left), (other, right) in itertools.permutations(enumerate(rows), 2):
        if all(left[place] >= right[place] for place in range(n)):
            assert joined[f"g{one}"] >= joined[f"g{other}"]
    values = [score.value for score in best(aggregated(found, how, "max", names), len(rows), "max")]
    assert values == sorted(values, reverse=True)


def test_ten_groups_and_five_data_sets_give_fifty_lines():
    params, groups = loaded(10)
    data = [f"SPY-{number}" for number in range(5)]
    lines = params.commands("python -m mattplat.makemoney {}", data)
    assert len(set(lines)) == 50
    variables = f"RESEARCH_DB=prime.db RESEARCH_GROUP={groups[0]} RESEARCH_DATA=SPY-0"
    assert lines[0] == f"{variables} python -m mattplat.makemoney SPY-0"


ECHO = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['RESEARCH_DATA']]))"


@pytest.mark.parametrize(
    "data", ["$(reboot)", "it's; rm -rf *", "a\nb", '"', "`id`", "{data}", "-n", "é x", "$HOME"]
)
def test_no_shell_reads_a_data_set_as_anything_else(data):
    template = f"{sys.executable} -c {json.dumps(ECHO)} --data={{data}} {{}} '{{{{}}}}'"
    (line,) = shell_lines(template, "prime.db", ["g"], [data])
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == [[f"--data={data}", data, "{}"], data]


@pytest.mark.parametrize(
    ("template", "match"),
    [
        ("", r"the command '' is empty"),
        ("prog 'x", r"the command .* cannot be split into words: No closing quotation"),
        ("prog {dta}", r"has a placeholder 'dta'; .*; did you mean 'data'"),
        ("prog {data:>9}", r"has a placeholder 'data'"),
        ("prog {data", r"cannot be read: .*"),
    ],
)
def test_commands_that_make_no_sense(template, match):
    with pytest.raises(ValueError, match=match):
        list(shell_lines(template, "prime.db", ["g"], ["a"]))


SCHEMA = """
    constraints = ["stop.high > stop.low"]
    [parameters]
    n = {type = "int", low = 1, high = 9, tags = ["size"]}
    kind = {type = "choice", options = ["p", "q"], tags = ["size"]}
    stop.low = {type = "float", low = 0, high = 10}
    stop.high = {type = "float", low = 0, high = 10}
"""
TEXT = 'n = 5\nkind = "p"\nstop__low = {0}\nstop__high = 9\nname = "fixed"'


def bred(**options):
    params, groups = loaded(4, TEXT, schema=write("s.toml", SCHEMA))
    for number, group in enumerate(groups):
        report(params, group, "a", loss=number)
        report(params, group, "b", loss=-number)
    ids = params.breed("loss", children=20, **options)
    return params, groups, [params.group(id_) for id_ in ids]


def test_children_are_within_bounds_and_constraints_hold():
    params, groups, children = bred(aggregate="mean")
    assert len(children) == 20
    for child in children:
        assert 1 <= child.n <= 9
        assert child.kind in ("p", "q")
        assert 0 <= child.stop.low < child.stop.high <= 10
        assert child.name == "fixed"
    entries = params.database.groups()
    assert [entry.generation for entry in entries] == [0] * 4 + [1] * 20
    assert {id_ for entry in entries for id_ in entry.parent_ids} <= set(groups)


def test_a_child_of_which_a_constraint_cannot_be_asked_is_none():
    schema = """
        constraints = ["10 / n > 1"]
        [parameters]
        n = {type = "int", low = 0, high = 12}
    """
    params, (one, two) = loaded(2, "n = {}", schema=write("s.toml", schema))
    report(params, one, "a", loss=1)
    report(params, two, "a", loss=2)
    children = params.breed("loss", aggregate="mean", children=20)
    assert sorted(params.group(id_).n for id_ in children) == [3, 4, 5, 6, 7, 8, 9]


def test_parameters_or_tags_alone_are_changed():
    _, _, children = bred(focus=["size"], aggregate="worst")
    assert {child.stop.high for child in children} == {9.0}
    assert {child.stop.low for child in children} <= {1.0, 2.0, 3.0, 4.0}
    _, _, children = bred(focus=["stop.low"], aggregate="worst")
    assert {child.n for child in children} == {5}


def test_breeding_for_each_data_set_takes_its_own_best():
    params, groups = loaded(8)
    for number, group in enumerate(groups):
        report(params, group, "a", loss=number)
        report(params, group, "b", loss=-number)
    children = params.breed("loss", top=1, children=4)
    assert 4 < len(children) <= 8
    parents = {id_ for entry in params.database.groups() for id_ in entry.parent_ids}
    assert parents == {groups[0], groups[-1]}


def test_breeding_twice_gives_others_and_the_same_elsewhere():
    params, _, first = bred(aggregate="mean", seed=3)
    before = params.ids
    more = params.breed("loss", children=20, aggregate="mean", seed=3)
    assert not set(more) & set(before)
    shown = [{name: child[name] for name in ("n", "kind")} for child in first]
    other, groups = loaded(4, TEXT, "other.db", write("s.toml", SCHEMA))
    for number, group in enumerate(groups):
        report(other, group, "a", loss=number)
        report(other, group, "b", loss=-number)
    again = [other.group(id_) for id_ in other.breed("loss", children=20, aggregate="mean", seed=3)]
    assert [{name: child[name] for name in ("n", "kind")} for child in again] == shown


def test_groups_with_other_parameters_are_bred_among_themselves():
    params = ParameterStore("prime.db")
    one, two = params.load(write("a.js", "x = 1")), params.load(write("b.js", "y_int = 4"))
    report(params, one, "a", loss=1)
    report(params, two, "a", loss=2)
    for id_ in params.breed("loss", aggregate="mean", children=12):
        assert list(params.group(id_)) in (["x"], ["y_int"])


def test_a_program_that_is_given_no_group_is_told(tmp_path):
    loaded(2)
    line = program("print(ParameterStore('prime.db').x)")
    done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    assert "say which is meant, by `group`, or RESEARCH_GROUP" in done.stderr
