"""What an experiment is given and what is known of it: config, id, random stream, folder, its end."""

from __future__ import annotations

import re

import pytest

from research import EC, EP, Alias, Config, ConfigAlias, Domain, E, Executor, Experiment, O, Research
from tests.experiment.evaluation import run_one


def seen_configs(**options):
    """Return the configs that branches see."""
    runs = Executor(Experiment().save(EC(full=True), "seen"), **options).run().experiments
    return [run.results["seen"][0] for run in runs]


def draws(configs=({"a": 1}, {"a": 2}), n_iters=2, **options):
    """Return what branches draw from their random streams."""
    experiment = Experiment().save(E().random.random(), "x")
    runs = Executor(experiment, configs=configs, n_iters=n_iters, **options).run().experiments
    return [list(run.results["x"].values()) for run in runs]


@pytest.mark.parametrize(
    "config",
    [
        {"a": 1, "opt/lr": 2},
        Config({"a": 1, "opt/lr": 2}),
        ConfigAlias([("a", 1), (Alias("opt/lr", "lr"), Alias(2, "two"))]),
        Config(a=Alias(1, "one")).to_dict() | {"opt/lr": 2},
        next(Domain({"a": [1], "opt/lr": [Alias(2, "two")]}).set_iter_params(additional=False)),
    ],
    ids=["dict", "Config", "ConfigAlias", "aliases", "item of a domain"],
)
def test_a_config_is_a_dict_a_config_or_an_item_of_a_domain(config):
    assert seen_configs(configs=[config]) == [{"a": 1, "opt/lr": 2}]


def test_without_configs_there_is_one_experiment_with_an_empty_one():
    assert seen_configs() == [{}]


def test_configs_of_branches_are_added_to_each_and_that_of_the_executor_to_all():
    assert seen_configs(configs=[{"a": 1}, {"a": 2}], branches_configs=[{"b": 3}, {"b": 4}]) == [
        {"a": 1, "b": 3},
        {"a": 2, "b": 4},
    ]
    assert seen_configs(branches_configs=[{"b": 3}, Config(b=4)]) == [{"b": 3}, {"b": 4}]
    assert seen_configs(configs=[{"a": 1}, {"a": 2}], executor_config={"c": 5}) == [
        {"a": 1, "c": 5},
        {"a": 2, "c": 5},
    ]


def test_one_config_goes_with_each_of_several_branches():
    seen = seen_configs(configs=[{"a": 1}], branches_configs=[{"b": 3}, {"b": 4}], executor_config={"c": 5})
    assert seen == [{"a": 1, "b": 3, "c": 5}, {"a": 1, "b": 4, "c": 5}]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"configs": [{"a": 1, "b": 1}], "branches_configs": [{"b": 2}]}, "b"),
        ({"configs": [{"a": 1}], "executor_config": {"a": 1}}, "a"),
        ({"branches_configs": [{"a": 1}, {"b": 1}], "executor_config": {"b": 2}}, "b"),
        ({"configs": [{"m/a": 1}], "executor_config": {"m": {"a": 2}}}, "m/a"),
        ({"configs": [{"m": 1}], "branches_configs": [{"m/a": 2}]}, "m"),
    ],
    ids=str,
)
def test_a_parameter_is_given_once_only(options, name):
    with pytest.raises(ValueError, match=f"the parameter '{name}' is given twice"):
        Executor(Experiment(), **options)


@pytest.mark.parametrize(("n_configs", "n_branches"), [(2, 1), (2, 3), (3, 2), (0, 2), (1, 0)])
def test_there_are_as_many_branches_as_configs_or_one_config_for_all(n_configs, n_branches):
    with pytest.raises(ValueError, match=f"got {n_configs if n_branches else 0} configs and {n_branches} br"):
        Executor(Experiment(), configs=[{}] * n_configs, branches_configs=[{}] * n_branches)
    with pytest.raises(ValueError, match="got 0 configs"):
        Executor(Experiment(), configs=[])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"configs": {"x": 1}}, r"`configs` must be a list of configs, got dict {'x': 1}"),
        ({"configs": "x"}, r"`configs` must be a list of configs, got str 'x'"),
        ({"configs": [5]}, r"each config in `configs` must be a dict, got int 5"),
        ({"branches_configs": {"x": 1}}, r"`branches_configs` must be a list of configs, got dict"),
        ({"branches_configs": ["x"]}, r"each config in `branches_configs` must be a dict, got str 'x'"),
        ({"executor_config": [1]}, r"`executor_config` must be a dict, got list \[1\]"),
    ],
    ids=str,
)
def test_what_is_no_config_is_refused(options, text):
    with pytest.raises(TypeError, match=text):
        Executor(Experiment(), **options)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (Research(), r"got Research .*: of a study it is `study\.experiment`"),
        (len, r"got builtin_function_or_method .*Experiment\(\)\.add_callable\(function"),
        (None, "got NoneType None"),
    ],
    ids=["study", "function", "nothing"],
)
def test_an_executor_takes_an_experiment_only(wrong, hint):
    with pytest.raises(TypeError, match=f"an Executor runs an Experiment, {hint}"):
        Executor(wrong)


def test_an_executor_of_which_everything_fails_says_so_in_the_log(caplog):
    experiment = Experiment().add_callable("divide", lambda a: 1 // a, a=EC("a"))
    Executor(experiment, configs=[{"a": 0}, {"a": 1}]).run()
    assert not caplog.records
    Executor(experiment, configs=[{"a": 0}, {"a": 0}]).run()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("research", "WARNING")
    assert record.getMessage() == (
        "all 2 experiments failed; the first error: <ZeroDivisionError('integer division or modulo by zero') "
        "in 'divide' at iteration 0>; see `.experiments[i].errors`"
    )


def test_executors_and_experiments_are_shown_in_a_few_words():
    experiment = Experiment().add_callable("divide", lambda a: 1 // a, a=EC("a"))
    executor = Executor(experiment, configs=[{"a": 0}, {"a": 1}])
    assert repr(executor) == "<executor of ['divide']: 2 not run>"
    assert repr(executor.run()) == "<executor of ['divide']: 1 failed, 1 done>"
    assert re.fullmatch("<experiment [0-9a-f]{16}: a=1>", repr(executor.experiments[1]))
    assert re.fullmatch(
        r"<ZeroDivisionError\(.*\) in 'divide' at iteration 0>", repr(executor.experiments[0].errors[0])
    )


def test_configs_that_were_passed_in_stay_as_they_are():
    configs, branches, common = [{"a": [1]}], [{"b": [2]}], {"c": [3]}
    experiment = Experiment().add_callable(
        "spoil", lambda config: [value.append(0) for value in config.values()], args=[EC()]
    )
    executor = Executor(experiment, configs=configs, branches_configs=branches, executor_config=common).run()
    assert not executor.experiments[0].is_failed
    assert (configs, branches, common) == ([{"a": [1]}], [{"b": [2]}], {"c": [3]})


@pytest.mark.parametrize("target", ["thread", "", None, 1, "FOR"])
def test_the_target_is_threads_or_for(target):
    with pytest.raises(ValueError, match=r"`target` must be one of .*'for'.*'threads'.*got"):
        Executor(Experiment(), target=target)


def test_ids_are_sixteen_hex_digits_of_the_config():
    configs = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 2.0}]
    first, same, other = (run.id for run in Executor(Experiment(), configs=configs).experiments)
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first == same != other


def test_the_same_seed_gives_the_same_random_stream_whatever_runs_beside_it():
    both = draws(seed=7)
    assert draws(seed=7) == both
    assert draws(seed=7, target="for") == both
    assert draws(configs=[{"a": 2}], seed=7) == both[1:]
    assert draws(n_iters=1, seed=7) == [stream[:1] for stream in both]


def test_streams_differ_between_configs_seeds_and_iterations():
    numbers = [x for seed in (7, 8) for stream in draws(seed=seed) for x in stream]
    assert len(set(numbers)) == 8
    assert draws() != draws()


def test_a_study_gives_an_experiment_the_stream_that_an_executor_with_its_id_gives():
    experiment = Experiment().save(E().random.random(), "x").save(E().id, "own")
    results = (
        Research("study", Domain(a=[1, 2]), experiment)
        .run(seed=7, dump_results=False, parallel=False, bar=False)
        .results.results
    )
    for name, values in results.items():
        (run,) = Executor(experiment, ids=[name], seed=7).run().experiments
        assert values == run.results
        assert values["own"] == {0: name}


def test_outputs_are_the_last_outputs_of_all_units():
    experiment = (
        Experiment().add_callable("one", lambda: 1).add_generator("n", range(3)).save(E().outputs, "all")
    )
    run = run_one(experiment)
    assert run.results["all"][1] == {"one": 1, "n": 1, "save_all": None}
    assert run.outputs["n"] == 2


def fail():
    raise ZeroDivisionError("on purpose")


def test_debug_raises_the_first_exception_where_it_happens():
    called = []
    experiment = Experiment().add_callable(fail).add_callable(called.append, args=[1])
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        Executor(experiment, target="for", debug=True).run()
    assert called == []
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        Executor(Experiment().add_instance("part", fail), target="for", debug=True).run()


def test_debug_is_no_hindrance_to_a_normal_end():
    run = run_one(Experiment().add_generator("n", range(2), save_to="n"), target="for", debug=True)
    assert run.results["n"] == {0: 0, 1: 1}


def test_debug_needs_branches_one_after_another():
    with pytest.raises(ValueError, match=r"`debug=True` needs `target='for'`"):
        Executor(Experiment(), debug=True)


def test_each_experiment_reports_its_end_once():
    ends, iterations = [], []
    experiment = Experiment().add_generator("n", range, args=[EC("a")])
    Executor(
        experiment,
        target="for",
        configs=[{"a": 2}, {"a": 0}, {"b": 1}],
        on_end=lambda run: ends.append((run.full_config.get("a"), run.iteration, run.is_failed)),
        on_iteration=lambda: iterations.append(len(ends)),
    ).run()
    assert ends == [(0, 0, False), (None, 0, True), (2, 2, False)]
    assert iterations == [2, 2, 3]


def test_experiments_without_a_study_have_no_folder_and_say_how_to_get_one():
    (error,) = run_one(Experiment().save(EP(), "path")).errors
    assert re.search(r"EP\(\).*'save_path'.*`folder=` of the Executor", str(error.exception))


def test_in_a_study_each_experiment_has_a_folder_inside_of_it(tmp_path):
    experiment = Experiment().add_callable(
        "write", lambda path, a: path.write_text(str(a)), [EP() / "a.txt", EC("a")]
    )
    results = Research("study", Domain(a=[1, 2]), experiment).run(parallel=False, bar=False).results
    for name, config in results.configs.items():
        (path,) = (tmp_path / "study").rglob(f"*{name}/a.txt")
        assert path.read_text() == str(config["a"])


def test_without_a_folder_for_the_study_the_folders_of_its_experiments_are_gone_at_its_end(tmp_path):
    seen = []
    experiment = Experiment().add_callable("write", lambda path: seen.append((path, path.is_dir())), [EP()])
    Research("study", experiment=experiment).run(dump_results=False, parallel=False, bar=False)
    ((path, was_there),) = seen
    assert was_there
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []


def test_results_that_went_elsewhere_are_not_pretended_to_be_empty():
    class Nowhere:
        def save(self, variable, iteration, value):
            """Drop it."""

        def dump(self):
            """Nothing is kept."""

    (run,) = Executor(Experiment().save(1, "x"), sinks=[Nowhere()]).run().experiments
    with pytest.raises(AttributeError, match="study's results"):
        run.results


def test_units_show_their_names():
    assert repr(run_one(Experiment().add_callable("one", lambda: 1)).units["one"]) == "<unit 'one'>"


def test_a_unit_may_look_at_the_outputs_of_other_branches():
    experiment = Experiment().add_callable("own", lambda a: a, a=EC("a"))
    experiment.add_callable(
        "best", max, args=[E(all=True)[0].outputs["own"], E(all=True)[1].outputs["own"]], root=True
    )
    runs = Executor(experiment.save(O("best"), "x"), configs=[{"a": 3}, {"a": 5}]).run().experiments
    assert [run.results["x"] for run in runs] == [{0: 5}, {0: 5}]
