"""A large study is gone on with: nothing of it runs again, and what is new runs once."""

from __future__ import annotations

from pathlib import Path

import pytest

from research import EC, Domain, Research, ResearchResults
from research.events import DONE, FAILED, LOST, QUEUED, RUNNING, Ended, Running, Values
from research.storage.base import Study
from research.storage.encoding import encode_block, freeze
from research.storage.opening import sqlite_store
from research.tasks import TaskSource
from samplers import NumpySampler

SEED = 7
N_DONE = 20_000


def write_study(domain, status_of=lambda number: DONE, name="study"):
    """Write a study in which the experiments of a domain have come that far, without running them."""
    Path(name).mkdir()
    store = sqlite_store(Path(name))
    settings = {"parameters": list(domain.names), "variables": ["y"], "workers": 2, "branches": 1}
    store.begin(Study(name, 1.0, SEED, "1", repr(domain), settings))
    source = TaskSource(domain, domain.walk(default_seed=SEED), SEED)
    records = []
    for task in source:
        records += source.take_registered()
        id_, status = task.members[0].id, status_of(task.number)
        if status == QUEUED:
            continue
        records += [
            Running(0, id_, 1.0, 0),
            Values(id_, (encode_block("y", None, [0], [freeze(-1)]),), False),
        ]
        if status != RUNNING:
            records.append(Ended(0, id_, status, 1.0, 2.0, 1, (), None))
    store.write(records)
    store.close()


def noted(a, b):
    with Path("calls").open("a") as file:
        file.write(f"{a} {b}\n")
    return a * b


def calls():
    return sorted(tuple(map(int, line.split())) for line in Path("calls").read_text().splitlines())


def go_on(domain, **options):
    study = Research("study", domain).add_callable(noted, a=EC("a"), b=EC("b"), save_to="y")
    return study.run(resume=True, bar=False, **options)


def test_only_what_is_new_runs():
    write_study(Domain(a=range(N_DONE // 10), b=range(10)))
    grown = Domain(a=range(-2, N_DONE // 10), b=range(10)) + Domain(a=[1, 10**6], b=[5, 10])
    study = go_on(grown, workers=2)
    assert calls() == [*((a, b) for a in (-2, -1) for b in range(10)), (1, 10), (10**6, 5), (10**6, 10)]
    assert study.monitor.counts == {DONE: N_DONE + 23}
    table = study.results.df
    assert len(table) == N_DONE + 23
    assert table["id"].is_unique
    is_new = table.index >= N_DONE
    assert (table["y"][~is_new] == -1).all()
    assert (table["y"][is_new] == (table["a"] * table["b"])[is_new]).all()


@pytest.mark.parametrize("options", [{"workers": 2, "branches": 3}, {"parallel": False}], ids=str)
def test_of_those_that_were_begun_only_what_did_not_end_runs_again(options):
    statuses = {5: LOST, 777: RUNNING, 1234: QUEUED, 4000: FAILED}
    write_study(Domain(a=range(500), b=range(10)), lambda number: statuses.get(number, DONE))
    study = go_on(Domain(a=range(500), b=range(10)).shuffle(seed=1), **options)
    assert calls() == [(0, 5), (77, 7), (123, 4)]
    assert study.monitor.counts == {DONE: 4999, FAILED: 1}
    attempts = study.results.statuses_to_df()["attempt"]
    assert attempts[attempts != 1].to_dict() == {5: 2, 777: 2}


def test_a_study_that_is_all_done_starts_nothing():
    domain = Domain(a=range(300), b=range(10))
    write_study(domain)
    before = ResearchResults("study").statuses_to_df()
    study = go_on(domain, workers=2)
    assert not Path("calls").exists()
    assert study.results.statuses_to_df().equals(before)


def broken(a):
    if a == 4 and not Path("mended").exists():
        raise ValueError("not now")


def test_numbers_in_prefixes_of_ids_count_those_that_are_over():
    drawn = Domain(x=NumpySampler("normal"))
    domains = [None, None, drawn * Domain(a=[3, 4])]

    def run(**options):
        study = Research("study", drawn * Domain(a=[1, 2])).add_callable(broken, a=EC("a"))
        study.update_domain(lambda: domains.pop()).run(bar=False, create_id_prefix=True, **options)
        return list(study.results.configs)

    ids = run(seed=1)
    assert [id_.split("_")[0] for id_ in ids] == ["0", "1", "2", "3"]
    Path("mended").touch()
    assert run(resume=True, retry_failed=True) == ids
    assert set(ResearchResults("study").statuses_to_df()["status"]) == {DONE}
