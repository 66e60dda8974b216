"""What a study would run, looked at without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from research import EC, Alias, Domain, Research
from research.errors import StudyError
from samplers import NumpySampler
from tests.study.test_resume import calls, noted, study_of

HERE = {"parallel": False, "bar": False}


def plan_of(study, **options):
    table = study.plan(**options)
    return list(zip(table["status"], table["runs"], strict=True))


def test_a_new_study_is_all_new_and_nothing_is_written():
    table = study_of(Domain(a=[1, 2], b=[3])).plan()
    assert table.columns.tolist() == ["id", "a", "b", "status", "runs"]
    assert table["a"].tolist() == [1, 2] and set(table["status"]) == {"new"}
    assert not list(Path().iterdir())


def test_ids_are_those_that_the_run_gives():
    study = study_of(Domain(a=[Alias(1, "one"), 2]), n_reps=2)
    table = study.plan()
    assert table["repetition"].tolist() == [0, 0, 1, 1]
    assert table["id"].tolist() == list(study.run(**HERE).results.configs)


def test_what_is_done_is_told_from_what_is_new():
    study_of(Domain(a=[1, 2])).run(**HERE)
    calls()
    study = study_of(Domain(a=[2, 3, 1]))
    assert plan_of(study) == [("done", False), ("new", True), ("done", False)]
    assert plan_of(study, name="other") == [("new", True)] * 3
    assert calls() == []
    study.run(resume=True, **HERE)
    assert calls() == ["3"]


def test_what_failed_runs_if_it_is_asked_for():
    Path("broken").touch()
    study = study_of(Domain(a=[1]), fails="broken").run(**HERE)
    assert plan_of(study) == [("failed", False)]
    assert plan_of(study, retry_failed=True) == [("failed", True)]


def test_older_code_is_said():
    study_of(Domain(a=[1])).run(**HERE)
    study = Research("study", Domain(a=[1, 2])).add_callable("noted", lambda a: a, a=EC("a"), save_to="b")
    assert plan_of(study) == [("older code", False), ("new", True)]
    assert plan_of(study, code_changed="rerun") == [("older code", True), ("new", True)]
    study.run(resume=True, code_changed="keep", **HERE)
    assert plan_of(study) == [("done", False)] * 2
    with pytest.raises(ValueError, match="`code_changed` must be"):
        study.plan(code_changed="again")


def test_equal_configs_are_run_once():
    assert plan_of(study_of(Domain(a=[1, 1]))) == [("new", True), ("duplicate", False)]


def test_draws_are_known_with_their_seed():
    study = study_of(Domain(a=[1, 2], x=NumpySampler("u")))
    table = study.plan()
    assert table["id"].isna().all() and table["x"].isna().all()
    seeded = study.plan(seed=1)
    study.run(seed=1, **HERE)
    assert seeded["id"].tolist() == list(study.results.configs) == study.plan()["id"].tolist()
    with pytest.raises(ValueError, match="`seed` must be left out"):
        study.plan(seed=2)
    own = study_of(Domain(a=[1], x=NumpySampler("u", seed=5)), "own")
    assert own.plan()["id"].tolist() == list(own.run(**HERE).results.configs)


def test_where_draws_decide_what_there_is_a_seed_is_needed():
    study = study_of(Domain(a=range(10), x=NumpySampler("u")).where(lambda x: x < 0.5))
    with pytest.raises(ValueError, match="`seed` must be given"):
        study.plan()
    assert study.plan(seed=1)["id"].tolist() == list(study.run(seed=1, **HERE).results.configs)


def test_what_makes_no_table_needs_a_number():
    study = study_of(Domain(a=range(10**9)))
    assert study.plan(n=2)["a"].tolist() == [0, 1]
    with pytest.raises(ValueError, match="1000000000 experiments make no table: say how many"):
        study.plan()
    with pytest.raises(ValueError, match="an endless number of experiments"):
        study_of(Domain(a=NumpySampler("u"))).plan()


def test_an_empty_domain_has_an_empty_plan():
    assert len(study_of(Domain()).plan()) == 0


def test_a_study_without_its_definition_has_no_plan():
    study_of(Domain(a=[1])).run(**HERE)
    Path("study/research.dill").unlink()
    with pytest.raises(StudyError, match="cannot be run again"):
        Research.load("study").plan()


def test_a_dry_run_calls_nothing_and_says_what_would_be_run(capsys):
    study_of(Domain(a=[1, 2])).run(**HERE)
    calls()
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    study = study_of(Domain(a=[1, 2, 3, 3]))
    assert study.run(dry_run=True) is study
    assert study.run(dry_run=True, resume=True, dump_results=True) is study
    assert calls() == []
    assert before == {path: path.read_bytes() for path in before}
    readers = {"research.db-shm", "research.db-wal"}
    assert {path.name for path in Path().rglob("*") if path.is_file()} - readers == {p.name for p in before}
    first, hint, second = capsys.readouterr().out.splitlines()
    assert (
        first
        == second
        == (
            "study: 4 experiments: 2 done, 1 new, 1 duplicate; 1 would be run; "
            "this is a dry run, nothing has been run"
        )
    )
    assert hint == "study: there is a study of this name already: resume=True goes on with it"


def test_a_dry_run_checks_what_a_run_would():
    with pytest.raises(ValueError, match="`workers` must be a positive int"):
        study_of(Domain(a=[1])).run(dry_run=True, workers=0)
    with pytest.raises(ValueError, match="'b'"):
        Research("s", Domain(a=[1])).add_callable(noted, a=EC("b"), random=None).run(dry_run=True)


def test_a_dry_run_of_a_huge_study_takes_no_time(capsys):
    study_of(Domain(a=range(10**12))).run(dry_run=True, dump_results=False)
    study_of(Domain(a=NumpySampler("u"))).run(dry_run=True)
    first, second = capsys.readouterr().out.splitlines()
    assert "1000000000000 experiments, not looked at one by one; 0 are stored" in first
    assert "endlessly many experiments" in second
