"""Studies whose domains have operational parameters."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from research import EC, Domain, E, Parameters, Research, ResearchResults
from samplers import NumpySampler
from tests.study.test_resume import calls, noted

HERE = {"parallel": False, "bar": False}


def per_gpu(config, a):
    return a / config["num_gpus"]


def study_of(domain, name="study"):
    return Research(name, domain).add_callable(noted, a=EC("a"), random=E().random, save_to="b")


def test_what_was_run_with_another_value_is_not_run_again():
    first = Domain(a=[1, 2], num_gpus=[1]).ignore("num_gpus")
    before = study_of(first).run(seed=1, **HERE).results.df
    calls()
    study = study_of(Domain(a=[1, 2, 3], num_gpus=[4]).ignore("num_gpus"))
    assert study.plan()["status"].tolist() == ["done", "done", "new"]
    table = study.run(resume=True, **HERE).results.df
    assert calls() == ["3"]
    assert table["num_gpus"].tolist() == [1, 1, 4]
    assert table.iloc[:2].equals(before)


def test_results_show_values_and_are_filtered_by_them():
    domain = Domain(a=[2, 4], num_gpus=[1, 2]).ignore("num_gpus").hash_with(a=per_gpu)
    study = study_of(domain).run(seed=1, **HERE)
    assert sorted(calls()) == ["2", "2", "4"]  # (4, 2) is (2, 1)
    for results in (study.results, ResearchResults("study")):
        table = results.to_df()
        pairs = [tuple(pair) for pair in table[["a", "num_gpus"]].itertuples(index=False)]
        assert pairs == [(2, 1), (2, 2), (4, 1)]
        assert results.to_df(num_gpus=2)["a"].tolist() == [2]
        assert results.to_df(a=4)["num_gpus"].tolist() == [1]
        assert len(results.to_df(domain=domain[1:2])) == 1
        assert results.to_df(domain=domain[3:])["a"].tolist() == [2]
        assert table["id"].tolist() == study.plan().query("runs or status == 'done'")["id"].tolist()


def test_configs_of_results_have_their_identity():
    domain = Domain(a=[2, 4], num_gpus=[1, 2]).ignore("num_gpus").hash_with(a=per_gpu)
    results = study_of(domain).run(seed=1, **HERE).results
    assert [config.hash() for config in results.configs.values()] == [domain[i].hash() for i in (0, 1, 2)]
    assert list(domain - results.configs) == []
    shown = [config.explain_hash() for config in results.configs.values()]
    assert shown == [domain[i].explain_hash() for i in (0, 1, 2)]
    assert shown[1] == {"a": {"$rule": 1.0}, "num_gpus": {"$ignored": 2}}
    again = results.to_domain()
    assert [config.to_dict() for config in again] == [
        {"a": a, "num_gpus": gpus} for a, gpus in ((2, 1), (2, 2), (4, 1))
    ]
    repeated = study_of(again, "again").run(seed=1, **HERE).results.df
    assert repeated.equals(results.df)


def test_groups_for_which_a_function_stands_are_shown():
    domain = Domain({"a": [1], "run/gpus": [1, 2], "run/node": ["x"]})
    domain = domain.hash_with(run=lambda config, run: run["node"])
    results = study_of(domain).run(seed=1, **HERE).results
    assert results.df[["run/gpus", "run/node"]].to_dict("list") == {"run/gpus": [1], "run/node": ["x"]}
    assert results.to_domain()[0].hash() == domain[0].hash()


@pytest.mark.parametrize("options", [{"workers": 2}, {"start_method": "spawn"}], ids=["fork", "spawn"])
def test_draws_and_streams_go_by_the_same_identity(options):
    draws = Domain(x=NumpySampler("normal"))
    one = (Domain(a=[2], num_gpus=[1]) * draws).ignore("num_gpus").hash_with(a=per_gpu)
    two = (Domain(a=[4], num_gpus=[2]) * draws).ignore("num_gpus").hash_with(a=per_gpu)

    def draw(x, random):
        return x, random.random()

    tables = []
    for number, domain in enumerate((one, two)):
        study = Research(f"study{number}", domain)
        study.add_callable("draw", draw, x=EC("x"), random=E().random, save_to=["x_", "y"])
        tables.append(study.run(seed=1, bar=False, **options).results.df)
    assert tables[0][["id", "x", "x_", "y"]].equals(tables[1][["id", "x", "x_", "y"]])


def test_what_failed_is_run_again_with_the_new_value(tmp_path):
    (tmp_path / "broken").touch()

    def study(gpus):
        made = Research("study", Domain(a=[1], num_gpus=[gpus]).ignore("num_gpus"))
        return made.add_callable(
            noted, a=EC("a"), random=E().random, fails=str(tmp_path / "broken"), save_to="b"
        )

    study(1).run(**HERE)
    (tmp_path / "broken").unlink()
    results = study(2).run(resume=True, retry_failed=True, **HERE).results
    assert results.df["num_gpus"].tolist() == [2]


def test_merged_studies_keep_what_each_was_run_with():
    for number, part in enumerate((Domain(a=[1, 2], num_gpus=[1]), Domain(a=[2, 3], num_gpus=[4]))):
        study_of(part.ignore("num_gpus"), f"part{number}").run(seed=1, **HERE)
    merged = ResearchResults.merge(["part0", "part1"], "merged")
    pairs = merged.df[["a", "num_gpus"]].itertuples(index=False)
    assert [tuple(pair) for pair in pairs] == [(1, 1), (2, 1), (3, 4)]


def test_a_loaded_study_has_the_same_rules():
    study_of(Domain(a=[2, 4], num_gpus=[1, 2]).ignore("num_gpus").hash_with(a=per_gpu)).run(**HERE)
    calls()
    study = Research.load("study")
    study.run(**HERE)
    assert calls() == []


@dataclass
class Params(Parameters):
    a: int = 1
    num_gpus: int = 1
    hash_rules = {"num_gpus": "ignore", "a": lambda params, a: a / params.num_gpus}


def test_studies_of_dataclasses_keep_what_was_ignored():
    sets = [Params(name="one", a=2), Params(name="two", a=6, num_gpus=2)]
    for domain in (Domain.from_configs(sets), Domain.from_configs(sets)[::-1]):
        table = study_of(domain).run(seed=1, dump_results=False, **HERE).results.df
        found = [tuple(row) for row in table[["name", "a", "num_gpus"]].itertuples(index=False)]
        assert sorted(found) == [("one", 2, 1), ("two", 6, 2)]
