"""Results as tables: rows, columns, missing values, and the types of columns."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from research import EC, Alias, Domain, E, Experiment, O, ResearchResults
from tests.results.small_studies import run, same, saved


def power(a, b=1):
    return a**b


def study(**options):
    """Return results of two configs, three iterations, two variables."""
    domain = Domain({Alias("rate", "r"): [Alias(0.5, "half"), 2]}) * Domain(kind=["x"])
    experiment = Experiment().add_generator("n", range(3)).save(O("n") * EC("rate"), "y")
    return run(experiment.save(O("n"), "last", when="last"), domain, n_iters=3, seed=1, **options)


def column(values_of, domain, **options):
    """Return the column `x` of a study in which a function of the parameter `a` gives what is saved."""
    experiment = Experiment().add_callable("f", values_of, a=EC("a"), save_output_dict=True)
    return run(experiment, domain, **options).df["x"]


def single(*values):
    """Return the column `x` of a study whose experiments save one of these values each."""
    return column(lambda a: {"x": values[a]}, Domain(a=range(len(values))))


def gapped(*values):
    """Return the same with one experiment more, in the middle, that saves something else."""
    middle = len(values) // 2
    spread = [*values[:middle], None, *values[middle:]]
    return column(lambda a: {"other": 0} if a == middle else {"x": spread[a]}, Domain(a=range(len(spread))))


def test_a_row_is_an_experiment_and_an_iteration_and_a_column_a_variable():
    frame = study().to_df()
    assert list(frame.columns) == ["id", "rate", "kind", "iteration", "y", "last"]
    assert frame["rate"].tolist() == [0.5] * 3 + [2.0] * 3
    assert frame["kind"].tolist() == ["x"] * 6
    assert frame["iteration"].tolist() == [0, 1, 2] * 2
    assert frame["y"].tolist() == [0.0, 0.5, 1.0, 0, 2, 4]
    np.testing.assert_array_equal(frame["last"], [math.nan, math.nan, 2] * 2)
    assert frame.index.tolist() == list(range(6))


def test_rows_are_in_the_order_of_experiments_then_of_iterations():
    results = run(Experiment().save(E().iteration, "i"), {"a": [3, 1, 2]}, n_iters=3, n_reps=2)
    frame = results.df
    assert frame["a"].tolist() == [a for _ in range(2) for a in (3, 1, 2) for _ in range(3)]
    assert frame["iteration"].tolist() == frame["i"].tolist() == [0, 1, 2] * 6
    assert frame["id"].drop_duplicates().tolist() == list(results.configs)


def test_df_is_the_table_of_everything():
    results = study()
    pd.testing.assert_frame_equal(results.df, results.to_df())


def test_without_pivot_a_row_is_a_value():
    frame = study().to_df(pivot=False)
    assert list(frame.columns) == ["id", "rate", "kind", "iteration", "name", "value"]
    rows = sorted(frame[["rate", "iteration", "name", "value"]].itertuples(index=False, name=None))
    expected = [(rate, i, "y", i * rate) for rate in (0.5, 2.0) for i in range(3)]
    assert rows == sorted([*expected, (0.5, 2, "last", 2), (2.0, 2, "last", 2)])
    assert frame["rate"].is_monotonic_increasing


def test_without_configs_only_the_id_says_whose_row_it_is():
    assert list(study().to_df(include_config=False).columns) == ["id", "iteration", "y", "last"]
    frame = study().to_df(include_config=False, pivot=False, use_alias=True, concat_config=True)
    assert list(frame.columns) == ["id", "iteration", "name", "value"]


def test_aliases_stand_for_names_and_values_where_they_are_asked_for():
    frame = study().to_df(use_alias=True)
    assert list(frame.columns) == ["id", "r", "kind", "iteration", "y", "last"]
    assert frame["r"].tolist() == ["half"] * 3 + ["2"] * 3


def test_a_config_can_be_one_column_of_text():
    results = study()
    frame = results.to_df(concat_config=True)
    assert list(frame.columns) == ["id", "config", "iteration", "y", "last"]
    assert frame["config"].unique().tolist() == ["rate_0.5-kind_x", "rate_2-kind_x"]
    frame = results.to_df(concat_config=True, use_alias=True)
    assert frame["config"].unique().tolist() == ["r_half-kind_x", "r_2-kind_x"]


def test_columns_of_parameters_stay_beside_the_text_if_they_are_not_to_be_dropped():
    frame = study().to_df(concat_config=True, drop_columns=False)
    assert list(frame.columns) == ["id", "config", "rate", "kind", "iteration", "y", "last"]


def test_drop_columns_means_nothing_without_the_text():
    results = study()
    pd.testing.assert_frame_equal(results.to_df(drop_columns=False), results.to_df())


def test_what_the_study_added_to_configs_is_shown_on_request():
    results = run(Experiment().save(1, "x"), {"a": [1, 2]}, n_reps=2)
    frame = results.to_df(remove_auxilary=False)
    assert list(frame.columns) == ["id", "a", "repetition", "updates", "device", "iteration", "x"]
    assert frame["repetition"].tolist() == [0, 0, 1, 1]
    assert frame["updates"].tolist() == [0] * 4
    assert frame["device"].tolist() == [None] * 4


def test_what_the_study_added_stands_beside_the_text_of_a_config():
    results = run(Experiment().save(1, "x"), {"a": [1, 2]}, n_reps=2)
    frame = results.to_df(concat_config=True, remove_auxilary=False)
    assert list(frame.columns) == ["id", "config", "repetition", "updates", "device", "iteration", "x"]
    assert list(zip(frame["config"], frame["repetition"], strict=True)) == [
        ("a_1", 0), ("a_2", 0), ("a_1", 1), ("a_2", 1)
    ]  # fmt: skip


def test_the_table_of_configs_has_a_row_for_each_experiment():
    results = study()
    frame = results.configs_to_df()
    assert frame["id"].tolist() == list(results.configs)
    assert frame.drop(columns="id").to_dict("list") == {"r": ["half", "2"], "kind": ["x", "x"]}
    frame = results.configs_to_df(use_alias=False, remove_auxilary=False)
    assert list(frame.columns) == ["id", "rate", "kind", "repetition", "updates", "device"]
    assert results.configs_to_df(concat_config=True)["config"].tolist() == ["r_half-kind_x", "r_2-kind_x"]


@pytest.mark.parametrize("name", ["name", "value", "config"])
def test_no_two_columns_have_one_name_whatever_parameters_are_called(name):
    results = run(Experiment().save(1, "x"), {name: ["own"]})
    for arguments, n_columns in (
        ({}, 4),
        ({"pivot": False}, 5),
        ({"concat_config": True, "drop_columns": False}, 5),
    ):
        columns = results.to_df(**arguments).columns
        assert columns.is_unique
        assert len(columns) == n_columns


@pytest.mark.parametrize(("pivot", "more"), [(True, []), (False, ["name", "value"])])
def test_a_study_without_values_has_a_table_without_rows(pivot, more):
    frame = run(Experiment(), {"a": [1, 2]}).to_df(pivot=pivot)
    assert (list(frame.columns), len(frame)) == (["id", "a", "iteration", *more], 0)
    frame = run(Experiment().save(1, "x"), Domain()).to_df(pivot=pivot)
    assert (list(frame.columns), len(frame)) == (["id", "iteration", *more], 0)


def test_an_experiment_that_saved_nothing_has_no_row():
    frame = run(
        Experiment().add_callable("f", lambda a: {"x": a} if a > 1 else {}, a=EC("a"), save_output_dict=True),
        {"a": [1, 2, 3]},
    ).df
    assert frame["x"].tolist() == [2, 3]


def test_a_parameter_that_some_configs_lack_is_missing_there():
    domain = Domain(model=["svm"], C=[1, 10])
    domain += Domain(model=["tree"], depth=[2], split=["best"], early=[True])
    frame = run(Experiment().save(1, "x"), domain).df
    assert list(frame.columns) == ["id", "model", "C", "depth", "split", "early", "iteration", "x"]
    np.testing.assert_array_equal(frame["C"], [1, 10, math.nan])
    np.testing.assert_array_equal(frame["depth"], [math.nan, math.nan, 2])
    assert frame["split"].isna().tolist() == frame["early"].isna().tolist() == [True, True, False]
    assert (frame["split"][2], frame["early"][2]) == ("best", True)
    assert frame["x"].dtype == np.int64


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3]],
        [(1, 2), (3,)],
        [{1: 1}, {}],
        [None, 1],
        [1, "1"],
        [True, False],
        [True, 1],
        ["a", "b"],
        [10**30, 1],
        [frozenset([1])],
        [math.inf, -0.0],
        [b"x"],
    ],
)
def test_values_of_parameters_are_shown_as_they_are(values):
    frame = run(Experiment().save(1, "x"), Domain(p=values)).df
    assert same(frame["p"].tolist(), values)


def test_a_group_of_parameters_has_a_column_for_each():
    frame = run(
        Experiment().save(1, "x"), Domain(opt=[{"lr": 1, "name": "sgd"}]) + Domain({"opt/lr": [2]})
    ).df
    assert set(frame.columns) == {"id", "opt/lr", "opt/name", "iteration", "x"}
    assert frame["opt/lr"].tolist() == [1, 2]


def test_functions_and_arrays_among_parameters_are_shown_by_name_without_running_anything():
    run(Experiment().save(1, "x"), Domain(f=[power, np.sin], a=[np.arange(3)]), dump_results=True)
    frame = ResearchResults("study").df
    assert [str(value) for value in frame["f"]] == ["power", "sin"]
    assert str(frame["a"][0]).startswith("array(<i8, (3,)")


def test_functions_and_classes_of_ones_own_study_are_themselves():
    values = [power, np.sin, int, (int, {"f": max}), pd.DataFrame.sum]
    results = run(Experiment().save(1, "x"), Domain(f=values))
    assert results.df["f"].tolist() == values
    assert [config["f"] for config in results.configs.values()] == values
    assert results.load(load_objects=False).df["f"].tolist() != values


def test_text_of_a_config_is_the_same_whoever_reads_it():
    results = run(Experiment().save(1, "x"), Domain(f=[power, int]), dump_results=True)
    for reader in (results, ResearchResults("study")):
        assert reader.to_df(concat_config=True)["config"].tolist() == ["f_power", "f_int"]


def test_what_a_local_name_stood_for_is_shown_by_its_name():
    frame = run(Experiment().save(1, "x"), Domain(f=[lambda: 1])).df
    assert repr(frame["f"][0]) == "<Opaque <lambda>>"


def test_variables_saved_at_different_iterations_are_missing_at_the_others():
    experiment = Experiment().save(E().iteration, "each").save(E().iteration, "second", when=2)
    experiment.save("end", "end", when="last").save([1], "objects", when="%0")
    frame = run(experiment, n_iters=4).df
    assert frame["each"].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(frame["second"], [math.nan, 1, math.nan, 3])
    assert frame["end"].isna().tolist() == [True, True, True, False]
    assert frame["objects"].isna().tolist() == [False, True, True, True]
    assert (frame["end"][3], frame["objects"][0]) == ("end", [1])


def test_iterations_at_which_nothing_was_saved_have_no_row():
    assert run(Experiment().save(1, "x", when=3), n_iters=7).df["iteration"].tolist() == [2, 5]


TYPES = [
    ([1, 2, 1 - 2**63], "int64", "object"),
    ([1, 2, 3], "int64", "float64"),
    ([0.5, -0.0, math.inf], "float64", "float64"),
    ([0.5, math.nan, 1.0], "float64", "float64"),
    ([1, 0.5], "float64", "float64"),
    ([True, False], "bool", "object"),
    (["a", "b\0", "\ud800"], None, None),
    ([None, None], "object", "object"),
    ([1, None, "a"], "object", "object"),
    ([1, True], "object", "object"),
    ([2**63, 1], "object", "object"),
    ([2**53 + 1, 0.5], "object", "object"),
    ([10**400, 0.5], "object", "object"),
    ([2**53 + 1, 5], "int64", "object"),
    ([1j, 2.0], "object", "object"),
    ([[1], (2,), {"k": 3}], "object", "object"),
    ([np.arange(3), np.zeros((2, 2)), np.array(5)], "object", "object"),
    ([np.float32(0.1), np.float32(2)], "float32", "float32"),
    ([np.int8(1), np.int8(2)], "int8", None),
    ([np.uint64(2**64 - 1), np.uint64(1)], "uint64", "object"),
    ([np.bool_(True), np.bool_(False)], None, "object"),
    ([np.complex64(1j), np.complex64(2)], "complex64", "complex64"),
    ([np.float32(0.5), 1], None, None),
    ([np.float64(0.1), np.float32(0.1)], "float64", "float64"),
]


@pytest.mark.parametrize(("values", "full", "with_gaps"), TYPES)
def test_a_column_has_the_type_of_its_values(values, full, with_gaps):
    frame = saved(values).to_df(name="x", iterations=range(len(values)))
    for shown in (frame["x"], single(*values)):
        assert full is None or shown.dtype == full
        assert equal_values(shown, values)
    shown = gapped(*values)
    assert with_gaps is None or shown.dtype == with_gaps
    middle = len(values) // 2
    assert pd.isna(shown[middle])
    assert equal_values(shown.drop(middle), values)


def equal_values(shown, values):
    """Whether a column holds exactly these values; numbers may be of another type, but no bool."""
    return len(shown) == len(values) and all(map(exactly, shown, values))


def exactly(left, right):
    if same(left, right):
        return True
    if isinstance(left, np.ndarray | np.timedelta64 | np.datetime64 | str | bytes):
        return False
    if isinstance(left, bool | np.bool_) != isinstance(right, bool | np.bool_):
        return False
    left, right = (value.item() if isinstance(value, np.generic) else value for value in (left, right))
    return bool(left == right) or bool(left != left and right != right)


def test_integers_stay_integers_where_nothing_is_missing():
    frame = run(Experiment().save(EC("a") * 2, "x"), {"a": [1, 2]}, n_iters=2).df
    assert [frame[name].dtype for name in ("a", "iteration", "x")] == [np.int64] * 3


def test_numeric_columns_with_gaps_work_with_numpy():
    for values in ([1, 2, 3], [0.5, 1.5], [np.float32(0.5), np.float32(1)], [np.int16(1), np.int16(2)]):
        shown = gapped(*values)
        assert np.isnan(shown).sum() == 1
        assert np.nansum(shown) == sum(values)
        assert np.sqrt(shown).dtype.kind == "f"


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16])
def test_small_integers_with_gaps_can_be_summed_up(kind):
    experiment = Experiment().add_generator("n", [kind(100)] * 999, save_to="x").save(0, "end", when="last")
    assert run(experiment).df["x"].sum() == 99900


NUMPY_MIXED = [
    [np.int64(2**60 + 1), np.float64(0.5)],
    [np.int64(-1), np.uint64(2**63 + 1)],
    [2**60 + 1, np.float64(0.5)],
    [np.float64(0.5), 2**60 + 1, np.float32(1)],
    [np.uint64(2**63 + 1), -1],
    [np.int64(2**60 + 1), 0.5],
    [np.float32(0.5), np.timedelta64(3, "s")],
    [1, np.timedelta64(3, "s")],
    [np.longdouble("0.1"), 0.5],
    [1 + 2**62, np.complex128(1j)],
]


@pytest.mark.parametrize("values", NUMPY_MIXED)
def test_numbers_of_different_types_in_a_column_keep_their_values(values):
    assert equal_values(saved(values).to_df(name="x", iterations=range(len(values)))["x"], values)
    assert equal_values(single(*values), values)
    assert equal_values(gapped(*values).drop(len(values) // 2), values)
    assert equal_values(saved(values).to_df(pivot=False)["value"], values)


def test_dates_are_dates_and_missing_ones_are_missing():
    days = [np.datetime64("2024-02-29"), np.datetime64("2024-03-01")]
    assert [np.datetime64(day, "D") for day in single(*days)] == days
    shown = gapped(*days)
    assert shown.isna().tolist() == [False, True, False]
    assert [np.datetime64(day, "D") for day in shown.dropna()] == days


@pytest.mark.parametrize(
    "times",
    [
        [np.datetime64("2024-02-29T12:00:00.123456789"), np.datetime64("2024-03-01T00:00:00.000000001")],
        [np.timedelta64(5, "ns"), np.timedelta64(7, "ns")],
        [np.datetime64("2024-02-29T12", "h"), np.datetime64("2024-02-29T13", "h")],
    ],
)
def test_a_history_of_times_with_gaps_holds_times(times):
    experiment = Experiment().add_generator("t", times, save_to="x").save(0, "end", when="last")
    shown = run(experiment).df["x"]
    assert shown.isna().tolist() == [False, False, True]
    assert pd.Series(shown.dropna().tolist()).tolist() == pd.Series(times).tolist()


def test_text_with_gaps_is_text_and_missing_values():
    shown = gapped("a", "b")
    assert shown.isna().tolist() == [False, True, False]
    assert shown.dropna().str.upper().tolist() == ["A", "B"]


def test_what_none_stands_for_is_no_missing_row():
    shown = saved([None, 1]).df["x"]
    assert shown[0] is None
    assert len(shown) == 2


def test_changing_a_table_or_what_it_holds_changes_no_other():
    results = saved([[1], {"k": 2}])
    frame, long = results.to_df(), results.to_df(pivot=False)
    frame["x"][0].append("spoilt")
    frame.loc[:, "iteration"] = 7
    long["value"][1]["k"] = "spoilt"
    assert results.to_df()["x"].tolist() == results.to_df(pivot=False)["value"].tolist() == [[1], {"k": 2}]
    assert results.to_df()["iteration"].tolist() == [0, 1]
