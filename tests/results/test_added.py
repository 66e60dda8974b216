"""What workers, branches and devices add to configs is shown, found, and no part of any identity."""

from __future__ import annotations

import os
import signal
import threading

import pandas as pd
import pytest

from research import EC, Alias, Config, Domain, E, Experiment, Research, ResearchResults
from research.domain.values import Opaque
from research.events import Member, Running
from research.results.added import describe_added
from research.storage.base import Registered, Study
from research.storage.memory import MemoryStore

WORKERS = [{"p": 1, "kind": "cpu"}, {"p": 2.5, "host": {"name": "h", "port": 1}}]
BRANCHES = [{"q": (1, 2)}, {"q": None}, {"q": len}]


def see(config):
    """Return what a unit was told."""
    return config


def study(name="study", domain=None, **kwargs):
    described = Research(name, domain or Domain(a=range(7)))
    described.add_callable(see, config=EC(full=True), save_to="told").add_callable(
        "draw", lambda random: random.random(), random=E().random, save_to="drawn"
    )
    return described.run(bar=False, seed=3, **kwargs)


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """Return a study in which two workers and three branches add parameters."""
    name = str(tmp_path_factory.mktemp("added") / "study")
    return study(name, workers=WORKERS, branches=BRANCHES)


def flat(told):
    """Return a config as units see it, by paths, without what the study says of itself."""
    found = {}
    for name, value in told.items():
        if isinstance(value, dict):
            found |= {f"{name}/{key}": item for key, item in value.items()}
        elif name not in ("repetition", "updates", "device"):
            found[name] = value
    return found


def test_configs_of_results_are_those_that_units_saw(added):
    for id_, config in added.results.configs.items():
        told = flat(added.results.results[id_]["told"][0])
        shown = config.to_dict()
        assert shown == told
        assert [*map(type, shown.values())] == [type(told[name]) for name in shown]
    stranger = ResearchResults(added.name).configs.values()
    assert [isinstance(config["q"], Opaque) for config in stranger] == [
        config["a"] in (2, 5) for config in stranger
    ]


def test_what_is_added_has_columns_after_those_of_the_domain(added):
    names = {name for config in added.results.configs.values() for name in config} - {"a"}
    assert {"p", "q"} < names <= {"p", "kind", "host/name", "host/port", "q"}
    columns = list(added.results.to_df(name="drawn"))
    assert (columns[:3], columns[-2:]) == (["id", "a", "p"], ["iteration", "drawn"])
    assert set(columns[2:-2]) == names
    assert list(added.results.configs_to_df()) == columns[:-2]
    frame = added.results.to_df(name="drawn")
    assert frame["a"].tolist() == list(range(7))
    assert frame["q"].isna().tolist() == [False, True, False, False, True, False, False]
    assert frame["q"].tolist()[0] == (1, 2)


def test_an_experiment_has_a_group_and_a_slot(added):
    statuses = added.results.statuses_to_df()
    assert statuses["group"].tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert statuses["slot"].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert statuses["id"].tolist() == list(added.results.configs)
    alone = study("alone").results.statuses_to_df()
    assert (alone["group"].tolist(), set(alone["slot"])) == (list(range(7)), {0})


def test_what_is_added_can_be_asked_for(added):
    results = added.results
    workers = results.statuses_to_df()["worker"].tolist()
    for filters, expected in (
        ({"q": (1, 2)}, [0, 3, 6]),
        ({"q": None}, [1, 4]),
        ({"q": len}, [2, 5]),
        ({"q": [1, 2]}, []),
        ({"domain": Domain(q=[None]) * Domain(a=[0, 1, 2])}, [1]),
        ({"config": {"a": 4, "q": None}}, [4]),
        ({"p": 1}, [a for a in range(7) if workers[a] == 0]),
        ({"p": 2.5}, [a for a in range(7) if workers[a] == 1]),
        ({"p": 1.0}, []),
        ({"host": {"port": 1}}, [a for a in range(7) if workers[a] == 1]),
        ({"device": None}, list(range(7))),
    ):
        assert [config["a"] for config in results.load(**filters).configs.values()] == expected
        frame = results.load().to_df(name="drawn", **filters)
        assert frame.get("a", pd.Series()).tolist() == expected
    with pytest.raises(ValueError, match="no experiment has a parameter 'qq'; did you mean 'q'"):
        results.to_df(qq=1)


def test_profiles_keep_to_filters_by_what_is_added():
    results = study(branches=[{"q": 1}, {"q": 2}], parallel=False, profile=1).results
    ids = [id_ for id_, config in results.configs.items() if config["q"] == 2]
    assert len(ids) == 3
    assert sorted(set(results.load(q=2).profiler.profile_info["experiment"])) == sorted(ids)


def test_short_names_of_what_is_added_are_shown():
    domain = Domain(a=[1])
    results = study(
        domain=domain, workers=[{"p": Alias(0.5, "half")}], branches=[{"q": Alias(max, "top")}]
    ).results
    assert results.to_df(use_alias=True, concat_config=True)["config"].tolist() == ["a_1-p_half-q_top"]
    assert len(results.to_df(alias={"p": "half", "q": "top"})) == 1
    assert results.to_df(p=0.5, q=max)["p"].tolist() == [0.5]


def test_identities_and_streams_are_those_of_the_domain_alone(added):
    plain = study("plain")
    assert list(plain.results.configs) == list(added.results.configs)
    columns = ["id", "a", "iteration", "drawn"]
    pd.testing.assert_frame_equal(
        plain.results.to_df(name="drawn")[columns], added.results.to_df(name="drawn")[columns]
    )
    configs = list(added.results.configs.values())
    assert [config.hash() for config in configs] == [config.hash() for config in plain.domain]
    assert configs[0] == Config(a=0)
    assert [config["a"] for config in Domain(a=range(9)) - added.results.configs] == [7, 8]


def test_values_that_nobody_could_recognise_are_shown_by_their_kind():
    lock = threading.Lock()
    results = study(domain=Domain(a=[1]), workers=[{"lock": lock}], parallel=False).results
    (config,) = results.configs.values()
    assert str(config["lock"]) == "lock"


@pytest.mark.parametrize(
    ("devices", "seen"),
    [
        (None, [None] * 4),
        (0, ["0"] * 4),
        ([3, 4], ["0", "1"] * 2),
        ([3, 4, 5, 6], [["0", "1"], ["2", "3"]] * 2),
    ],
    ids=str,
)
def test_devices_are_shown_as_units_saw_them(devices, seen):
    found = study(domain=Domain(a=range(4)), branches=2, devices=devices, parallel=False).results
    assert [variables["told"][0]["device"] for variables in found.results.values()] == seen
    alone = Research("alone", Domain(a=range(4))).save(EC("device"), "seen")
    alone.run(bar=False, branches=2, devices=devices, parallel=False, dump_results=False)
    assert [variables["seen"][0] for variables in alone.results.results.values()] == seen
    frame = found.to_df(name="drawn", remove_auxilary=False)
    assert list(frame)[:5] == ["id", "a", "repetition", "updates", "device"]
    assert frame["device"].tolist() == seen
    assert "device" not in found.to_df()
    assert not any("device" in config for config in found.configs.values())
    if devices is not None:
        assert len(found.to_df(device=seen[1])) == seen.count(seen[1])
        assert found.study.settings["added"][0]["devices"]
    assert len(found.to_df(device="7")) == 0


def test_whoever_is_dealt_no_devices_may_name_them():
    found = study(domain=Domain(a=range(2)), branches=[{"device": 3}, {"device": "5"}], parallel=False)
    assert [told["told"][0]["device"] for told in found.results.results.values()] == [3, "5"]
    frame = found.results.to_df(remove_auxilary=False)
    assert frame["device"].tolist() == [3, "5"]
    assert frame.columns.tolist().count("device") == 1
    assert len(found.results.to_df(device=3)) == 1
    for where in ("workers", "branches"):
        with pytest.raises(ValueError, match="must not set the parameter 'device'"):
            study("other", devices=0, **{where: [{"device": 3}]})


def test_what_nobody_has_taken_yet_lacks_what_the_worker_adds():
    settings = {"added": describe_added([{"p": 5}, {"p": 6}], [{"q": 7}], [[["2"]]] * 2, [["0"]] * 2)}
    store = MemoryStore()
    store.begin(Study("study", 0.0, 0, "0", "", settings))
    for number in range(2):
        member = Member(f"{number:016x}", number, number, 0, 0, 0)
        store.write([Registered(member, f'{{"a":{number}}}', None, number, 0)])
    store.write([Running(1, f"{1:016x}", 1.0, 0)])
    results = ResearchResults(store)
    assert [config.to_dict() for config in results.configs.values()] == [
        {"a": 0, "q": 7},
        {"a": 1, "p": 6, "q": 7},
    ]
    frame = results.configs_to_df(use_alias=False, remove_auxilary=False)
    assert frame["device"].tolist() == [None, "0"]
    assert frame["p"].isna().tolist() == [True, False]


def test_an_experiment_that_was_lost_or_stopped_keeps_what_its_worker_added():
    def die(a):
        if a == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    described = Research("study", Domain(a=[0, 1, 2])).add_callable(die, a=EC("a"))
    results = described.run(workers=[{"p": 5}], branches=2, executor_target="for", bar=False).results
    assert results.configs_to_df(use_alias=False)["p"].tolist() == [5, 5, 5]
    assert results.statuses_to_df()["status"].tolist() == ["lost", "lost", "done"]

    def stop(a):
        if a == 1:
            raise KeyboardInterrupt

    described = Research("stopped", Domain(a=[0, 1, 2])).add_callable(stop, a=EC("a"))
    with pytest.raises(KeyboardInterrupt):
        described.run(workers=[{"p": 5}], parallel=False, bar=False)
    statuses = described.results.statuses_to_df()
    assert statuses["status"].tolist()[:2] == ["done", "stopped"]
    assert described.results.configs_to_df(use_alias=False)["p"].tolist()[:2] == [5, 5]


def test_what_is_added_is_shown_beside_configs_of_an_updated_domain():
    described = Research("study", Domain(a=[1])).add_callable(see, config=EC(), save_to="told")
    domains = [Domain(b=[{"x": 1}]), None]
    described.update_domain(lambda: domains.pop(0))
    results = described.run(branches=[{"q": 1}], parallel=False, bar=False).results
    assert [config.to_dict() for config in results.configs.values()] == [
        {"a": 1, "q": 1},
        {"b/x": 1, "q": 1},
    ]


def test_reading_what_is_added_runs_no_code():
    class Trap:
        def __reduce__(self):
            return os.mkdir, ("trap",)

    described = Research("study", Domain(a=[1]), Experiment().save(1, "x"))
    described.run(bar=False, parallel=False, workers=[{"p": Alias(Trap(), "trap")}])
    if os.path.exists("trap"):  # the study itself, which made a copy for the experiment
        os.rmdir("trap")
    frame = ResearchResults("study").to_df(use_alias=True)
    assert frame["p"].tolist() == ["trap"]
    assert not os.path.exists("trap")
