"""Ids that are sorted as the domain is."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from research import EC, EP, Alias, Domain, E, Research, ResearchResults
from research.domain.numbering import Numbering
from research.domain.ordering import Walk
from research.tasks import TaskSource
from samplers import NumpySampler

GRID = Domain(model=["svm"]) * Domain(C=[10, 1]) + Domain(model=["tree"]) * Domain(depth=[2, 4])


def write(folder, its_id):
    (folder / "note.txt").write_text(its_id)
    return folder.name


def study(name="study", domain=GRID, n_reps=2, **how):
    described = Research(name, domain, n_reps=n_reps).save(E().id, "own")
    described.add_callable("write", write, folder=EP(), its_id=E().id, save_to="folder")
    return described.run(bar=False, seed=1, **how)


def prefixes(domain, n_digits=1, **numbers):
    """Return what is shown before the ids of a study of a domain, in the order of the study."""
    source = TaskSource(domain, domain.walk(**numbers), 0, n_digits=n_digits)
    return [task.members[0].prefix for task in source]


def test_ids_are_shown_with_the_numbers_of_values_before_them():
    results = study(create_id_prefix=True).results
    ids = list(results.results)
    assert [id_.rpartition("_")[0] for id_ in ids] == [
        f"{values}_{repetition}"
        for repetition in range(2)
        for values in ("0_0_null", "0_1_null", "1_null_0", "1_null_1")
    ]
    identities = [values["own"][0] for values in results.results.values()]
    assert all(re.fullmatch("[0-9a-f]{16}", identity) for identity in identities)
    assert [id_.rpartition("_")[2] for id_ in ids] == identities
    assert identities == list(study("plain").results.configs)


def test_they_are_shown_wherever_ids_are():
    results = study(create_id_prefix=2).results
    ids = list(results.configs)
    assert ids[5].startswith("00_01_null_01_")
    for frame in (results.df, results.configs_to_df(), results.statuses_to_df(), results.artifacts_to_df()):
        assert frame["id"].tolist() == ids
    assert list(results.results) == ids
    assert results.to_df()["folder"].tolist() == ids
    assert sorted(path.name for path in Path("study/experiments").iterdir()) == sorted(ids)
    assert results.artifacts_to_df()["path"].tolist() == [f"experiments/{id_}/note.txt" for id_ in ids]
    assert list(ResearchResults("study").configs) == ids


def test_they_are_shown_in_profiles():
    results = study(create_id_prefix=True, profile=2, parallel=False).results
    for table in (results.profiler.profile_info, results.profiler.details):
        assert table["experiment"].drop_duplicates().tolist() == list(results.configs)
    one = list(results.configs)[3]
    assert set(results.load(experiment_id=one[-16:]).profiler.profile_info["experiment"]) == {one}


def test_experiments_are_found_by_either():
    results = study(create_id_prefix=True).results
    ids = list(results.configs)
    for wanted in (ids[2], ids[2][-16:]):
        assert results.to_df(experiment_id=wanted)["id"].tolist() == [ids[2]]
        assert results.artifacts_to_df(experiment_id=[wanted])["id"].tolist() == [ids[2]]
    assert len(results.to_df(experiment_id=[ids[0], ids[1][-16:], ids[0][-16:]])) == 2
    assert len(results.to_df(experiment_id="null_0_" + ids[2][-16:])) == 0


@pytest.mark.parametrize(
    "how",
    [{"workers": 3}, {"workers": 2, "start_method": "spawn"}, {"parallel": False, "branches": 3}],
    ids=str,
)
def test_they_are_the_same_however_a_study_is_run(how):
    first = study("first", create_id_prefix=True, parallel=False).results
    second = study("second", create_id_prefix=True, **how).results
    assert list(first.configs) == list(second.configs)
    assert second.df["folder"].tolist() == list(second.configs)


def test_a_loaded_study_runs_again_with_the_same_and_failures_are_told_by_them():
    def fail(a):
        raise ValueError("no")

    domain = Domain(a=[1, 2]).set_iter_params(create_id_prefix=2)
    study = Research("study", domain).add_callable(fail, a=EC("a")).run(bar=False)
    ids = list(study.results.configs)
    assert [id_[:-16] for id_ in ids] == ["00_00_", "01_00_"]
    loaded = Research.load("study")
    for monitor in (study.monitor, loaded.monitor):
        assert [problem["id"] for problem in monitor.exceptions] == ids
        assert ids[0] in monitor.describe_first_failure()
    assert f"{ids[1]} failed in 'fail'" in Path("study/research.log").read_text()
    assert list(loaded.run("again", bar=False).results.configs) == ids
    assert list(loaded.run("short", bar=False, create_id_prefix=False).results.configs) == [
        id_[-16:] for id_ in ids
    ]


VALUES = [3, 1, 2, 1, 10.0, None, (1, 2), "x", True, np.float32(3), Alias(7, "seven"), Alias(max)]


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (Domain(a=[1, 2], b=["x", "y"]), ["0_0", "0_1", "1_0", "1_1"]),
        (Domain(a=[2, 1, 2, 3]), ["0", "1", "2"]),
        (Domain(a=VALUES), [str(number) for number in range(11)]),
        (Domain(a=range(5, 0, -1)), ["0", "1", "2", "3", "4"]),
        (Domain(a=np.array([0.5, 0.25])), ["0", "1"]),
        (Domain(a=[{"p": 1}, {"p": 2}, {"q": 1}]), ["0", "1", "2"]),
        (Domain(a=range(2)) + Domain(a=[1, 7, 0, 8]), ["0", "1", "2", "3"]),
        (Domain(a=[1, 0]) + Domain(a=range(3)), ["0", "1", "2"]),
        (Domain(a=[1, 2]) + Domain(b=[1]) + Domain(a=[2], b=[5]), ["0_null", "1_null", "null_0", "1_1"]),
        (Domain([{"a": 1}, {"b": 2, "a": 5}, {"b": 2}]), ["0_null", "1_0", "null_0"]),
        (Domain([{"a": 1}, {"b": 2}, {"b": 3}]).with_defaults(a=9, b=2), ["0_0", "1_0", "1_1"]),
        (Domain(a=[1, 2]) @ Domain(b=["x", "x"]), ["0_0", "1_0"]),
        (Domain(a=range(3), b=range(3)).where(lambda a, b: a + b == 2), ["0_2", "1_1", "2_0"]),
        (Domain(a=range(4))[::-2], ["3", "1"]),
        (Domain(a=range(2), b=range(3)).shard(1, 3), ["0_1", "1_1"]),
        (Domain.star({"a": 1, "b": 1}, a=[0, 1, 2]), ["0_0", "1_0", "2_0"]),
        (Domain.quasi(3, "halton", a=(0, 1)), ["0", "1", "2"]),
        (Domain({}), [""]),
        (Domain(), []),
    ],
    ids=repr,
)
def test_values_have_their_place_among_those_that_the_domain_lists(domain, expected):
    assert prefixes(domain) == [f"{numbers}_0".removeprefix("_") for numbers in expected]


@pytest.mark.parametrize(
    "make", [lambda d: d, lambda d: d.shuffle(3), lambda d: d.shard(2, 3), lambda d: d[5:]]
)
def test_sorted_as_text_they_stand_in_the_order_of_the_grid(make):
    grid = Domain(a=[5, 1, 3], b=["y", "x"]) * Domain(c=np.linspace(1, 0, 12))
    domain = make(grid)
    configs = list(domain)
    shown = prefixes(domain, 2)
    in_order = [config for _, config in sorted(zip(shown, configs, strict=True), key=lambda pair: pair[0])]
    assert in_order == sorted(configs, key=grid.index)


def test_drawn_values_are_numbered_by_their_configs_and_repeated_with_them():
    domain = Domain(a=["x", "y"]) * Domain(s=NumpySampler("n"))
    assert prefixes(domain, n_reps=2) == ["0_0_0", "1_1_0", "0_0_1", "1_1_1"]
    assert prefixes(domain, n_items=4) == ["0_0_0", "1_1_0", "0_2_0", "1_3_0"]
    endless = Domain(s=NumpySampler("n"), t=NumpySampler("u"))
    assert prefixes(endless, 3, n_items=3, n_reps=2, repeat_each=2) == [
        f"{number:03}_{number:03}_{repetition:03}"
        for number, repetition in ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (2, 1))
    ]
    mixed = Domain(s=[0.5, 1.5]) + Domain(s=NumpySampler("integers", low=9, high=10), b=[0, 1])
    assert prefixes(mixed) == ["0_null_0", "1_null_0", "4_0_0", "5_1_0"]


def test_numbers_that_need_more_digits_are_whole():
    assert prefixes(Domain(a=range(12)), 1)[9:] == ["9_0", "10_0", "11_0"]
    assert prefixes(Domain(a=range(1001)), 3)[::500] == ["000_000", "500_000", "1000_000"]


def test_numbers_go_on_where_a_domain_is_replaced():
    domains = [Domain(a=[2, 3, 1], s=NumpySampler("n")), Domain(b=[0], a=[0, 3]), None]
    described = Research("study", Domain(a=[1, 2], s=NumpySampler("n"))).save(EC(), "told")
    described.update_domain(lambda: domains.pop(0))
    results = described.run(create_id_prefix=1, parallel=False, bar=False).results
    assert [id_[:-17] for id_ in results.configs] == [
        "0_0_0",
        "1_1_0",
        *("1_2_0", "2_3_0", "0_4_0"),
        *("0_3_0", "0_2_0"),
    ]


def test_a_name_that_no_file_could_have_is_not_given_to_a_folder():
    domain = Domain({f"p{number}": [number] for number in range(150)})
    results = study(domain=domain, n_reps=1, create_id_prefix=1, parallel=False).results
    (id_,) = results.configs
    assert len(id_) > 255
    assert results.df["folder"].tolist() == [id_[-16:]]
    assert results.artifacts_to_df()["id"].tolist() == [id_]


def test_nothing_is_listed_of_a_range_and_nothing_ahead_of_what_is_asked_for():
    class Values(list):
        looked_at = 0

        def __iter__(self):
            for value in super().__iter__():
                self.looked_at += 1
                yield value

    values = Values(f"value {number}" for number in range(10**5))
    numbering = Numbering()
    domain = Domain(a=range(10**12), b=values)
    columns = [("a", range(10**12)), ("b", values)]  # (a domain keeps a tuple)
    domain_like = type("Listing", (), {"names": domain.names, "columns": lambda self: iter(columns)})()
    values.looked_at = 0
    tracemalloc.start()
    numbering.extend(domain_like)
    config = {"a": 10**11, "b": "value 2"}
    assert numbering.prefix(config, 0, 0, 1) == "100000000000_2_0"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values.looked_at == 3
    assert peak < 100_000


def test_a_million_values_are_numbered():
    domain = Domain(a=range(10**6)) + Domain(a=range(10**6, 10**6 + 3))
    source = TaskSource(domain, Walk(None), 0, n_digits=7)
    assert next(source).members[0].prefix == "0000000_0000000"
    assert prefixes(Domain(a=range(10**6))[-1:], 7) == ["0999999_0000000"]


@pytest.mark.parametrize("value", [-1, 21, 1.5, "2"])
def test_numbers_of_digits_that_make_no_sense(value):
    text = f"`create_id_prefix` must be True, False or a number of digits, at most 20, got {value!r}"
    with pytest.raises(ValueError, match=text):
        study(create_id_prefix=value)
    with pytest.raises(ValueError, match=text):
        Domain(a=[1]).set_iter_params(create_id_prefix=value)


def test_items_of_a_domain_stay_as_they_are():
    plain = Domain(a=[1, 2]).set_iter_params(n_reps=2)
    asked = Domain(a=[1, 2]).set_iter_params(n_reps=2, create_id_prefix=3)
    assert [item.config() for item in asked.iterator] == [item.config() for item in plain.iterator]


@pytest.mark.parametrize("dump_results", [True, False])
def test_logs_are_found_by_either_form_and_are_where_files_are(dump_results):
    study = Research("study", Domain(a=[1, 2], b=[3])).add_callable("f", print, args=["a is", EC("a")])
    results = study.run(create_id_prefix=True, dump_results=dump_results, bar=False).results
    first, second = results.configs
    assert (results.log(first), results.log(second[-16:])) == ("a is 1\n", "a is 2\n")
    if dump_results:
        assert Path(f"study/experiments/{first}/stdout.txt").read_text() == "a is 1\n"
        assert results.artifacts_to_df().empty
    with pytest.raises(ValueError, match=rf"there is no experiment .*did you mean.*{first}"):
        results.log(first[:-1])
