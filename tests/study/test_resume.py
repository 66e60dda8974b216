"""Studies that are gone on with: what is done is not run again, and the end is as if it had been one run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from research import EC, EP, Domain, E, R, Research, ResearchResults
from research.errors import StudyError, StudyExistsError
from research.storage.lock import Lock
from samplers import NumpySampler

ORDER = ["id", "iteration"]


def noted(a, random, fails=None, **more):
    """Return something random; note that it was called."""
    with Path("calls").open("a") as file:
        file.write(f"{a}\n")
    if fails is not None and Path(fails).exists():
        raise ValueError("not now")
    return a + random.random()


def calls():
    """Return what `noted` was called with since the last time."""
    path = Path("calls")
    found = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def study_of(domain, name="study", n_reps=1, **kwargs):
    """Return a study that notes its calls."""
    study = Research(name, domain, n_reps=n_reps)
    return study.add_callable(noted, a=EC("a"), random=E().random, save_to="b", **kwargs)


def table(study):
    """Return all results in an order that does not depend on how they came about."""
    return study.results.to_df().sort_values(ORDER, ignore_index=True)


GROWN = {
    "a value": (Domain(a=[1, 2]), Domain(a=[1, 2, 3]), 1, 1, ["3"]),
    "another order": (Domain(a=[1, 2]), Domain(a=[3, 2, 1]), 1, 1, ["3"]),
    "repetitions": (Domain(a=[1, 2]), Domain(a=[1, 2]), 1, 3, ["1", "1", "2", "2"]),
    "a summand": (Domain(a=[1]), Domain(a=[1]) + Domain(a=[2], c=[5]), 1, 1, ["2"]),
    "a parameter": (Domain(a=[1, 2]), Domain(a=[1, 2]) * Domain(c=[1, 2]), 1, 1, ["1", "1", "2", "2"]),
    "draws": (
        Domain(a=[1, 2], x=NumpySampler("normal")),
        Domain(a=[2, 3, 1], x=NumpySampler("normal")),
        1,
        1,
        ["3"],
    ),
    "nothing": (Domain(a=[1, 2]), Domain(a=[1, 2]), 2, 2, []),
    "less": (Domain(a=[1, 2, 3]), Domain(a=[2]), 1, 1, []),
}


@pytest.mark.parametrize("how", GROWN)
@pytest.mark.parametrize("options", [{"workers": 2}, {"parallel": False}], ids=["processes", "here"])
def test_only_what_is_new_runs_and_the_end_equals_one_run(how, options):
    before, after, reps_before, reps_after, expected = GROWN[how]
    first = study_of(before, n_reps=reps_before).run(seed=3, bar=False, **options)
    calls()
    kept = table(first)
    study = study_of(after, n_reps=reps_after).run(resume=True, bar=False, **options)
    assert calls() == expected
    stays = how in ("less", "a parameter")  # what is no part of the domain any more
    whole = study_of(before + after if stays else after, "whole", reps_after)
    whole.run(seed=3, bar=False)
    columns = ["id", "b"]
    assert table(study)[columns].equals(table(whole)[columns])
    merged = kept.merge(table(study), on=["id", "b"])
    assert len(merged) == len(kept)  # what was there is as it was
    assert study.monitor.counts == {"done": len(table(study))}


def test_a_default_of_a_new_parameter_is_what_was_done():
    study_of(Domain(a=[1, 2])).run(bar=False)
    calls()
    study_of((Domain(a=[1, 2]) * Domain(c=[10, 20])).with_defaults(c=10)).run(resume=True, bar=False)
    assert calls() == ["1", "2"]
    assert len(ResearchResults("study").df) == 4


def test_a_study_that_was_loaded_is_gone_on_with():
    study_of(Domain(a=[1, 2])).run(bar=False)
    loaded = Research.load("study")
    calls()
    loaded.run(bar=False)
    assert calls() == []
    loaded.domain = Domain(a=[1, 2, 3])
    loaded.run(bar=False)
    assert calls() == ["3"]
    assert loaded.monitor.counts == {"done": 3}
    loaded.run("another", bar=False)
    assert calls() == ["1", "2", "3"]
    with pytest.raises(StudyExistsError, match="go on with it by `resume=True`"):
        Research.load("study").run("another", bar=False)
    with pytest.raises(StudyExistsError):
        Research.load("study").run(resume=False, bar=False)


def test_where_there_is_no_study_one_is_begun():
    study = study_of(Domain(a=[1])).run(resume=True, bar=False)
    assert study.monitor.counts == {"done": 1}
    Path("other").mkdir()
    Path("other/mine").touch()
    with pytest.raises(StudyExistsError, match="'other' exists and is no study"):
        study_of(Domain(a=[1]), "other").run(resume=True, bar=False)


def test_what_failed_runs_again_if_that_is_wanted():
    Path("broken").touch()
    domain = Domain(a=[1, 2])
    study = study_of(domain, fails="broken").run(bar=False)
    assert study.monitor.counts == {"failed": 2}
    os.remove("broken")
    study = study_of(domain, fails="broken").run(resume=True, bar=False)
    assert study.monitor.counts == {"failed": 2}
    assert len(study.monitor.exceptions) == 2
    assert calls() == ["1", "2"]
    study = study_of(domain, fails="broken").run(resume=True, retry_failed=True, bar=False)
    assert study.monitor.counts == {"done": 2}
    assert study.results.statuses_to_df()["attempt"].tolist() == [2, 2]
    assert study.results.statuses_to_df()["error"].isna().all()


def halves(x, folder):
    """Yield a few numbers; end the process in the middle of them, the first time."""
    for number in range(6):
        if number == 3 and not (folder / "again").exists():
            (folder / "again").touch()
            os._exit(1)
        print("number", number)
        yield x + number


def test_an_experiment_that_was_lost_begins_anew():
    def study():
        units = Research("study", Domain(x=[10, 20])).add_generator("n", halves, x=EC("x"), folder=EP())
        return units.save(E("n").output, "y")

    assert study().run(bar=False).monitor.counts == {"lost": 2}
    done = study().run(resume=True, bar=False)
    assert done.monitor.counts == {"done": 2}
    assert done.results.df["y"].tolist() == [10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25]
    assert done.results.statuses_to_df()["attempt"].tolist() == [2, 2]
    for identity in done.results.configs:
        assert done.results.log(identity) == "".join(f"number {number}\n" for number in range(6))


def test_another_seed_is_refused_and_the_same_is_not():
    study_of(Domain(a=[1])).run(seed=5, bar=False)
    with pytest.raises(
        ValueError, match="`seed` must be left out where a study is gone on with, got 6: 'study'"
    ):
        study_of(Domain(a=[1, 2])).run(seed=6, resume=True, bar=False)
    study = study_of(Domain(a=[1, 2])).run(seed=5, resume=True, bar=False)
    assert study.results.study.seed == 5
    assert not Path("study/research.lock").exists()


@pytest.mark.parametrize("detach", [False, True])
def test_a_study_that_runs_is_not_gone_on_with(detach):
    study_of(Domain(a=[1])).run(bar=False)
    lock = Lock.take(Path("study").absolute())
    with pytest.raises(StudyError, match=rf"the study in 'study' is being run, by process {os.getpid()} of "):
        study_of(Domain(a=[1, 2])).run(resume=True, bar=False, detach=detach)
    lock.release()
    study = study_of(Domain(a=[1, 2])).run(resume=True, bar=False, detach=detach)
    assert study.wait()
    assert study.monitor.counts == {"done": 2}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"resume": 1}, "`resume` must be True, False or None, got 1"),
        ({"resume": True, "retry_failed": None}, "`retry_failed` must be True or False, got None"),
        ({"resume": True, "dump_results": False}, "`resume=True` needs `dump_results=True`"),
    ],
)
def test_arguments_that_make_no_sense(options, text):
    with pytest.raises(ValueError, match=text):
        study_of(Domain(a=[1])).run(bar=False, **options)
    assert calls() == []


def grouped(a, shared):
    with Path("calls").open("a") as file:
        file.write(f"{a}\n")
    return a + shared


@pytest.mark.parametrize("has_root", [True, False])
def test_groups_with_a_root_are_run_whole(has_root):
    def study(n):
        described = Research("study", Domain(a=range(n)))
        described.add_callable("shared", lambda random: random.random(), [E().random], root=has_root)
        return described.add_callable(grouped, a=EC("a"), shared=E("shared").output, save_to="b")

    first = study(5).run(branches=2, seed=1, bar=False)
    calls()
    second = study(6).run(branches=2, resume=True, bar=False)
    assert calls() == (["4", "5"] if has_root else ["5"])
    assert second.monitor.counts == {"done": 6}
    statuses = second.results.statuses_to_df()
    assert statuses["slot"].tolist() == [0, 1, 0, 1, 0, 1 if has_root else 0]
    assert len(first.results.df) == 6


def around(results, n):
    with Path("updates").open("a") as file:
        file.write("x")
    table = results.to_df()
    done = len(table) // 4
    if done == n:
        return None
    best = table.loc[table["b"].idxmin(), "a"]
    return Domain(a=[best - 1.5 / done, best - 0.5 / done, best + 0.5 / done, best + 1.5 / done])


def square(a, kill):
    """Return a number; end this process at the eleventh call, if there is a file of that name."""
    if kill.exists():
        with kill.open("a") as file:
            file.write("x")
        if kill.stat().st_size > 10:
            os._exit(9)
    return (a - 3.3) ** 2


def searching(name="study"):
    """Return a study of six rounds, each around the best of those before."""
    study = Research(name, Domain(a=[0.0, 2.0, 4.0, 6.0]))
    study.add_callable(square, a=EC("a"), kill=Path("kill").absolute(), save_to="b")
    return study.update_domain(around, when=4, results=R(), n=6)


def test_updates_of_the_domain_go_on_from_the_one_in_force():
    whole = searching("whole").run(seed=1, bar=False)
    assert len(whole.results.df) == 24
    first = searching().run(seed=1, bar=False)
    n_updates = len(Path("updates").read_text())
    again = searching().run(resume=True, bar=False)
    assert len(Path("updates").read_text()) == n_updates + 1  # that at the end had said to stop there
    assert again.monitor.counts == first.monitor.counts == {"done": 24}
    assert table(again).equals(table(whole))


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from test_resume import searching
searching().run(parallel=False, bar=False, seed=1)
"""


def test_a_study_that_was_killed_among_updates_ends_as_if_it_had_not_been():
    whole = searching("whole").run(seed=1, bar=False)
    Path("kill").touch()
    script = SCRIPT.format(folder=str(Path(__file__).parent))
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 9
    Path("kill").unlink()
    assert len(ResearchResults("study").df) < 12
    done = searching().run(resume=True, bar=False)
    assert done.monitor.counts == {"done": 24}
    assert table(done).equals(table(whole))
