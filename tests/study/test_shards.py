"""Shards of a study: run at once, or one after another, they give what one run gives."""

from __future__ import annotations

import re
import signal
import time

import psutil
import pytest

from research import EC, Domain, Research, ResearchResults
from research.errors import StudyError
from research.storage.places import DatabasePlace
from research.storage.servers import Server
from samplers import NumpySampler
from tests.study.in_databases import begin, described

PATIENCE = 60
RUN = "described(storage=URL).run(shard=({k}, {n}), seed={seed}, bar=False, {options})"


def shard(k, n=2, seed=5, options="workers=2"):
    return RUN.format(k=k, n=n, seed=seed, options=options)


def ended(process):
    """Wait for a program; return how it ended and what it has said."""
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def rows(results):
    """Return what is stored of experiments, but for when and by whom they were run."""
    snapshot = results.store.read()
    return [(row.key, row.id, row.number, row.repetition, row.status) for row in snapshot.experiments]


def assert_equal(results, whole):
    assert rows(results) == rows(whole)
    assert results.df.equals(whole.df)
    assert list(results.configs) == list(whole.configs)


@pytest.fixture
def whole():
    """Return what one run gives, in a folder."""
    return described("whole").run(seed=5, bar=False, parallel=False).results


def test_two_processes_run_two_shards_of_one_study_at_once(database, whole):
    programs = [begin(database, shard(k), f"machine-{k}", PAUSE="0.005") for k in range(2)]
    assert [ended(program)[0] for program in programs] == [0, 0]
    results = ResearchResults("study", storage=database)
    assert_equal(results, whole)
    assert results.study.outcome == "done"
    assert len(results.runs) == 2


def test_what_a_killed_shard_has_left_is_run_when_it_is_run_again(database, whole):
    killed, other = (begin(database, shard(k), f"machine-{k}", PAUSE="0.02") for k in range(2))
    place = DatabasePlace(Server.read(database), "study")
    deadline = time.monotonic() + PATIENCE
    while len(place.drivers()) < 2 or not place.store().read(variables=None).latest:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    family = [psutil.Process(killed.pid), *psutil.Process(killed.pid).children(recursive=True)]
    killed.send_signal(signal.SIGKILL)
    assert ended(killed)[0] == -signal.SIGKILL
    assert ended(other)[0] == 0
    psutil.wait_procs(family, PATIENCE)
    results = ResearchResults("study", storage=database)
    assert not place.is_held()
    assert (results.study.outcome == "done") == (len(results.df) == len(whole.df))
    before = rows(results)
    assert len({row[1] for row in before}) == len(before)
    status, said = ended(begin(database, shard(0), "machine-0"))
    assert status == 0, said
    assert_equal(ResearchResults("study", storage=database), whole)


def test_a_shard_is_run_by_one(database, tmp_path):
    gate = str(tmp_path / "gate")
    running = begin(database, shard(0), "machine", GATE=gate)
    place = DatabasePlace(Server.read(database), "study")
    deadline = time.monotonic() + PATIENCE
    while not place.exists() or not place.drivers():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    study = described(storage=database)
    says = r"is being run, by process \d+ of .*: shard \(0, 2\), which has experiments in common with "
    for part, named in (((0, 2), r"shard \(0, 2\)"), ((2, 3), r"shard \(2, 3\)"), (None, "all of it")):
        with pytest.raises(StudyError, match=says + named):
            study.run(shard=part, resume=True, bar=False)
    with pytest.raises(StudyError, match=r"is running; nothing was removed"):
        Research.remove("study", ask=False, storage=database)
    with pytest.raises(StudyError, match=r"is running: merge it when it has ended"):
        ResearchResults.merge([ResearchResults("study", storage=database)], into="all")
    assert not Research.load("study", storage=database).is_finished
    (tmp_path / "gate").touch()
    study.run(shard=(1, 2), bar=False)  # meanwhile
    assert ended(running)[0] == 0
    assert len(ResearchResults("study", storage=database).configs) == 62


@pytest.mark.slow
def test_shards_of_unlike_domains_give_nothing_twice(database, tmp_path):
    gate = str(tmp_path / "gate")
    other = Domain(a=[77, *range(31)])
    running = begin(database, shard(0), "machine", GATE=gate)
    place = DatabasePlace(Server.read(database), "study")
    deadline = time.monotonic() + PATIENCE
    while not place.drivers():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (tmp_path / "gate").touch()
    says = r"another driver has begun experiments in .*: shards that run at once must be of one domain"
    try:
        described(domain=other, storage=database).run(shard=(1, 2), bar=False, parallel=False)
    except StudyError as error:
        assert re.search(says, str(error))
    status, said = ended(running)
    assert status == 0 or re.search(says, said)
    study = described(domain=other, storage=database).run(resume=True, bar=False, parallel=False)
    ids = [row.id for row in study.results.store.read().experiments]
    assert len(ids) == len(set(ids)) == 64
    assert study.results.df["y"].notna().sum() == 64 * 3


def test_a_whole_study_is_run_by_one(database, tmp_path):
    gate = str(tmp_path / "gate")
    running = begin(database, "described(storage=URL).run(bar=False)", "machine", GATE=gate)
    deadline = time.monotonic() + PATIENCE
    place = DatabasePlace(Server.read(database), "study")
    while place.reading("research.dill") is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for part in (None, (0, 2)):
        with pytest.raises(StudyError, match=r"is being run, by process \d+ of .*: all of it, which"):
            described(storage=database).run(shard=part, resume=True, bar=False)
    study = Research.load("study", storage=database)
    assert study.terminate(grace=PATIENCE)
    ended(running)
    assert study.is_finished
    (tmp_path / "gate").touch()
    study.run(bar=False)
    assert study.monitor.counts == {"done": 62}


@pytest.mark.parametrize("where", ["memory", "folder", "database"])
def test_shards_one_after_another_give_what_one_run_gives(where, whole, request):
    if where == "memory":
        parts = [
            described().run(shard=(k, 3), seed=5, bar=False, parallel=False, dump_results=False)
            for k in range(3)
        ]
        tables = [part.results.df for part in parts]
        assert sorted(map(len, tables)) == [60, 63, 63]
        assert {id_ for table in tables for id_ in table["id"]} == set(whole.configs)
        return
    storage = request.getfixturevalue("database") if where == "database" else None
    for k in (2, 0, 1):
        described(storage=storage).run(shard=(k, 3), seed=5, bar=False, parallel=False)
    assert_equal(ResearchResults("study", storage=storage), whole)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_shards_in_folders_of_their_own_are_merged_to_what_one_run_gives(order, whole):
    for k in order:
        described(f"part-{k}").run(shard=(k, 4), seed=5, bar=False, parallel=False)
    merged = ResearchResults.merge([f"part-{k}" for k in order], into="study")
    assert_equal(merged, whole)
    assert merged.study.settings["size"] == whole.study.settings["size"]


def test_what_is_missing_of_merged_shards_is_run_by_going_on_with_them(whole):
    for k in (0, 2):
        described(f"part-{k}").run(shard=(k, 3), seed=5, bar=False, parallel=False)
    merged = ResearchResults.merge(["part-2", "part-0"], into="study")
    kept = set(merged.configs)
    assert list(merged.configs) == [id_ for id_ in whole.configs if id_ in kept]
    described().run(shard=(0, 3), resume=True, bar=False, parallel=False)
    assert Research.load("study").run(bar=False, parallel=False).monitor.counts == {"done": 62}
    assert set(ResearchResults("study").configs) == set(whole.configs)
    keys = [row.key for row in ResearchResults("study").store.read().experiments]
    assert len(set(keys)) == len(keys) == 62


def test_a_domain_that_has_grown_is_run_in_shards_after_what_is_there(database):
    small, large = Domain(a=[1, 2, 3]), Domain(a=[0, 1, 2, 3, 4])
    for k, domain in ((0, small), (1, large), (1, small), (0, large)):
        described(domain=domain, storage=database).run(shard=(k, 2), seed=5, bar=False, parallel=False)
    results = described(domain=large, storage=database).run(resume=True, bar=False, parallel=False).results
    assert len(results.configs) == 10
    found = results.to_df(remove_auxilary=False)
    alone = (
        described("alone", large).run(seed=5, bar=False, parallel=False).results.to_df(remove_auxilary=False)
    )
    order = ["id", "iteration"]
    one, other = (table.sort_values(order, ignore_index=True)[["id", "y"]] for table in (found, alone))
    assert one.equals(other)


def test_what_a_run_of_all_adds_between_shards_has_numbers_of_its_own(database, whole):
    described(storage=database).run(shard=(0, 2), seed=5, bar=False, parallel=False)
    described(domain=Domain(a=[100, 29, 30]), storage=database).run(resume=True, bar=False, parallel=False)
    described(storage=database).run(shard=(1, 2), bar=False, parallel=False)
    results = ResearchResults("study", storage=database)
    keys = [row.key for row in results.store.read().experiments]
    assert len(keys) == len(set(keys)) == 64
    order = ["id", "iteration"]
    one, other = (
        table[table["a"] < 100].sort_values(order, ignore_index=True)[["id", "a", "y"]]
        for table in (results.df, whole.df)
    )
    assert one.equals(other)


def test_configs_of_workers_are_those_of_their_own_machine(database):
    def where(a, host):
        return f"{a} on {host}"

    study = Research("hosts", Domain(a=range(6)), storage=database)
    study.add_callable(where, a=EC("a"), host=EC("host"), save_to="where")
    for k, host in enumerate("xy"):
        study.run(workers=[{"host": host}], shard=(k, 2), bar=False)
    table = study.results.df
    assert (
        table["where"] == [f"{a} on {host}" for a, host in zip(table["a"], table["host"], strict=True)]
    ).all()
    assert table["host"].tolist() == list("xyxyxy")


def test_a_dry_run_counts_what_the_shard_has(capsys):
    described().run(shard=(0, 2), bar=False, parallel=False)
    for part, count in ((0, 0), (1, 31)):
        described().run(shard=(part, 2), dry_run=True)
        assert f"31 done, 31 new, 2 duplicate; {count} would be run" in capsys.readouterr().out


def test_what_branches_add_is_of_the_shard(database):
    study = Research("branches", Domain(a=range(7)), storage=database)
    study.add_callable("f", lambda a, b: (a, b), a=EC("a"), b=EC("b"), save_to="of")
    for k in (1, 0, 1):
        study.run(branches=[{"b": 10}, {"b": 20}], shard=(k, 2), bar=False, parallel=False, seed=1)
    table = study.results.df
    assert table["a"].tolist() == list(range(7))
    assert table["of"].tolist() == list(zip(table["a"], table["b"], strict=True))
    assert table["b"].tolist() == [10, 10, 20, 20, 10, 10, 20]


@pytest.mark.parametrize("given", [5, (1,), (0, 0), (2, 2), (-1, 2), (0, 2**15), (0.0, 2), (True, 2), "ab"])
def test_what_is_no_shard_is_refused(given):
    with pytest.raises(ValueError, match=r"`shard` must be .*\(0, 4\) for the first of four parts, got"):
        described().run(shard=given, bar=False)


def test_a_domain_without_end_has_no_shards():
    endless = Research("endless", Domain(a=NumpySampler("normal"))).add_callable("f", lambda: 1)
    with pytest.raises(ValueError, match=r"this one has no end: say how many .*`n_configs`"):
        endless.run(shard=(0, 2), bar=False)


def test_functions_that_update_the_domain_are_refused():
    study = Research("updated", Domain(a=[1, 2])).add_callable("f", lambda: 1)
    study.update_domain(lambda: None, when="last")
    with pytest.raises(ValueError, match=r"functions that update it need the results of all of it"):
        study.run(shard=(0, 2), bar=False)
