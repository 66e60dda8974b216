"""Units that draw from generators of the whole process repeat as well."""

from __future__ import annotations

import importlib
import random
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from research import EC, Domain, E, Executor, Experiment, O, Research
from research.experiment.seeding import kept_globals

STAND_IN = str(Path(__file__).parent / "stand_ins")
WAYS = {
    "two workers": {"workers": 2},
    "inline": {"parallel": False},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "isolation": {"workers": 2, "isolation": "experiment"},
    "in memory": {"workers": 2, "dump_results": False},
    "detached": {"detach": True, "parallel": False},
    "branches in turn": {"workers": 2, "branches": 3, "executor_target": "for"},
    "branches in turn, inline": {"parallel": False, "branches": 4, "executor_target": "for"},
    "other order": {"workers": 2, "shuffled": True},
}


class Careless:
    """Draws where it likes; an odd number of normals, of which numpy keeps half a pair."""

    def __init__(self):
        self.start = random.gauss() + np.random.normal()

    def draw(self):
        return self.start + random.random(), np.random.normal(size=3).sum(), np.random.randint(10**6)


def shaken(a):
    """End at different iterations, and draw in between."""
    for _ in range(a % 3 + 2):
        yield random.gauss() + np.random.random()


def study(name="study", domain=None, **how):
    domain = Domain(a=range(7)) if domain is None else domain
    domain = domain.shuffle(seed=3) if how.pop("shuffled", False) else domain
    described = Research(name, domain).add_callable(list, root=True).add_instance("careless", Careless)
    described.add_generator("shaken", shaken, a=EC("a"), save_to="shaken")
    described.add_callable("careless.draw", save_to=["x", "y", "z"], when=2)
    described.add_callable("own", lambda stream: stream.random(), [E().random], save_to="own")
    described.run(**{"seed": 11, "bar": False, **how})
    described.wait()
    return described


def frame(described):
    found = described.results.df.sort_values(["a", "iteration"], ignore_index=True)
    assert not described.monitor.exceptions
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return frame(study(str(tmp_path_factory.mktemp("reference") / "study")))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_drawn_from_global_generators_does_not_depend_on_how_a_study_is_run(way, reference):
    assert reference["shaken"].count() == reference["shaken"].nunique() == 20
    assert reference["x"].count() == reference["x"].nunique() == 9
    pd.testing.assert_frame_equal(frame(study(**WAYS[way])), reference, check_exact=True)


def test_other_seeds_and_other_experiments_give_other_numbers(reference):
    other = frame(study(seed=12))
    for column in ("shaken", "x", "y", "z"):
        assert not set(other[column].dropna()) & set(reference[column].dropna())


def test_the_experiments_own_generator_knows_nothing_of_it(reference):
    unseeded = frame(study(seed_libraries=False))
    assert unseeded["own"].tolist() == reference["own"].tolist()
    assert not set(unseeded["shaken"]) & set(reference["shaken"])


def test_a_larger_domain_changes_nothing_of_those_that_were_there(reference):
    larger = frame(study(domain=Domain(a=range(9))))
    pd.testing.assert_frame_equal(larger[larger["a"] < 7], reference, check_exact=True)


def test_a_study_that_is_gone_on_with_has_the_same_numbers(reference):
    study(domain=Domain(a=[5, 2, 4]))
    pd.testing.assert_frame_equal(frame(study(resume=True, workers=2)), reference, check_exact=True)


OFF = {"seed_libraries": False}
THREADS = {"branches": 3}
EARLIER = [
    ({}, OFF, "this run does not seed global generators .* which earlier runs did throughout"),
    (OFF, {}, "this run seeds global generators .* which earlier runs did not throughout"),
    (THREADS, {}, "this run seeds global generators .* which earlier runs did not throughout"),
    ({}, {"branches": 3, "executor_target": "for"}, None),
    (OFF, OFF, None),
    (OFF, THREADS, None),
    ({}, {**THREADS, **OFF}, "this run does not seed global generators"),
]


@pytest.mark.parametrize(("first", "then", "remark"), EARLIER, ids=lambda value: str(value))
def test_the_log_says_where_a_later_run_seeds_otherwise(first, then, remark):
    study(domain=Domain(a=range(3)), **first)
    study(resume=True, **then)
    said = Path("study/research.log").read_text()
    assert "earlier runs did" not in said if remark is None else len(re.findall(remark, said)) == 1


def test_once_there_are_both_it_is_said_each_time():
    study(domain=Domain(a=range(3)))
    study(domain=Domain(a=range(4)), resume=True, **OFF)
    for _ in range(2):
        described = study(resume=True)
        assert described.results.study.settings["seed_libraries"] is False
    assert Path("study/research.log").read_text().count("earlier runs did not throughout") == 2


@pytest.mark.parametrize("detach", [False, True])
def test_branches_in_threads_do_not_silently_end_what_repeats(detach, reference):
    study(domain=Domain(a=range(3)))
    before = Path("study/research.db").read_bytes()
    with pytest.raises(
        ValueError,
        match=r"`branches` in threads, 3 of them, .* 'study' has seeded so far.*`executor_target='for'`",
    ):
        study(resume=True, branches=3, detach=detach)
    assert Path("study/research.db").read_bytes() == before
    assert not Path("study/research.lock").exists()
    found = frame(study(resume=True, branches=3, executor_target="for", detach=detach))
    pd.testing.assert_frame_equal(found, reference, check_exact=True)


def test_an_experiment_that_leaves_another_kind_of_generator_harms_no_other():
    def replace(a):
        if a % 2:
            np.random.set_bit_generator(np.random.PCG64(1))
        return np.random.normal()

    found = [
        Research(f"study{place}", Domain(a=range(5)))
        .add_callable(replace, a=EC("a"), save_to="first")
        .add_callable("second", lambda: np.random.normal(), save_to="second")
        .run(seed=1, bar=False, **how)
        .results.df
        for place, how in enumerate(
            [{}, {"workers": 2}, {"parallel": False, "branches": 3, "executor_target": "for"}]
        )
    ]
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)
    pd.testing.assert_frame_equal(found[0], found[2], check_exact=True)


@pytest.mark.parametrize("branches", [1, 3])
def test_roots_draw_from_a_stream_of_their_own(branches):
    def run(name, root):
        described = Research(name, Domain(a=range(6)))
        described.add_instance("tool", root, root=True)
        described.add_callable("root", root, root=True, save_to="root")
        described.add_callable("leaf", random.random, save_to="leaf")
        described.run(branches=branches, executor_target="for", n_iters=3, seed=1, bar=False)
        return described.results.df

    drawing, still = run("drawing", random.random), run("still", lambda: 0)
    assert drawing["leaf"].tolist() == still["leaf"].tolist()
    assert drawing["leaf"].nunique() == 18
    assert drawing["root"].nunique() == 18 / branches
    assert not set(drawing["leaf"]) & set(drawing["root"])


def test_branches_in_threads_are_not_seeded_and_the_log_says_so(capfd):
    text = "global generators (random, numpy.random, torch) are not seeded, as branches in threads share them"
    random.seed(5)
    expected = random.random()
    random.seed(5)
    described = Research("study", Domain(a=[1])).add_callable("f", random.random, save_to="x")
    described.run(parallel=False, branches=2, bar=False)
    assert described.results.df["x"].tolist() == [expected]
    assert Path("study/research.log").read_text().count(text) == 1
    for name, how in {
        "for": {"executor_target": "for"},
        "off": {"seed_libraries": False},
        "one": {"branches": 1},
    }.items():
        described.run(name, **{"branches": 2, **how}, bar=False)
        assert text not in Path(name, "research.log").read_text()


def states():
    return random.getstate(), str(np.random.get_state(legacy=False)), np.random.mtrand.get_bit_generator()


@pytest.mark.parametrize("target", ["for", "threads"])
def test_this_process_has_its_generators_back_after_a_run_in_it(target):
    np.random.normal()  # of a pair
    before = states()
    study(parallel=False, branches=2, executor_target=target, seed_libraries=target == "for")
    if target == "for":
        assert states() == before
    else:
        assert states() != before  # nothing was asked for


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_they_are_put_back_after_an_exception_as_well(error):
    def fail():
        np.random.set_bit_generator(np.random.PCG64(1))
        random.seed(np.random.randint(100))
        raise error

    before = states()
    described = Research("study", Domain(a=range(3))).add_callable(fail)
    with pytest.raises(error):
        described.run(parallel=False, executor_target="for", debug=True, bar=False)
    assert states() == before


def test_functions_that_update_the_domain_draw_from_the_users_generators():
    drawn = []

    def update():
        drawn.append(random.random())
        return Domain(a=[len(drawn)]) if len(drawn) < 3 else None

    def run(name, **how):
        drawn.clear()
        random.seed(7)
        described = Research(name, Domain(a=[0])).add_callable("f", random.random, save_to="x")
        described.update_domain(update).run(bar=False, seed=1, **how)
        return list(drawn), random.random(), described.results.df["x"].tolist()

    assert run("here", parallel=False) == run("there")
    random.seed(7)
    assert drawn == [random.random() for _ in range(3)]


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_what_is_neither_true_nor_false(value):
    with pytest.raises(ValueError, match=f"`seed_libraries` must be True or False, got {value!r}"):
        study(seed_libraries=value)


# an executor alone


def draws(n_branches, target="for", **how):
    experiment = Experiment().add_generator("shaken", shaken, a=EC("a")).save(O("shaken"), "x")
    configs = [{"a": a} for a in range(n_branches)]
    executor = Executor(experiment, target, configs, seed=1, **how).run()
    return [run.results["x"] for run in executor.experiments]


def test_an_executor_alone_seeds_if_it_is_told_to_and_puts_back():
    before = states()
    assert draws(1, seed_libraries=True) == draws(1, "threads", seed_libraries=True)
    assert draws(5, seed_libraries=True)[0] == draws(1, seed_libraries=True)[0]
    assert states() == before
    assert draws(1) != draws(1)
    assert states() != before


def test_an_executor_refuses_to_seed_what_threads_share():
    with pytest.raises(ValueError, match="`seed_libraries=True` needs `target='for'`"):
        draws(2, "threads", seed_libraries=True)


# torch


@pytest.fixture
def torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(STAND_IN)
    yield importlib.import_module("torch")
    sys.modules.pop("torch", None)


TORCH_WAYS = {
    **{name: how for name, how in WAYS.items() if name not in ("detached", "other order")},
    "one worker": {},
}


@pytest.mark.parametrize("way", TORCH_WAYS)
@pytest.mark.parametrize("uses_cuda", [False, True], ids=["CPU", "CUDA"])
def test_torch_is_seeded_where_it_has_been_imported(way, uses_cuda, torch):
    def draw(a, i):
        if not uses_cuda or i == 0:
            return torch.rand(), 0
        return torch.rand(), torch.cuda.rand(a % 2)  # devices come to be when this experiment has begun

    def run(name, **how):
        described = Research(name, Domain(a=range(5)))
        described.add_callable(draw, a=EC("a"), i=E().iteration, save_to=["x", "y"])
        return described.run(seed=1, n_iters=3, bar=False, **how).results.df

    before = torch.get_rng_state()
    found = run("study", **TORCH_WAYS[way])
    assert found["x"].nunique() == 15
    assert found["y"].nunique() == (11 if uses_cuda else 1)
    assert torch.get_rng_state() == before
    pd.testing.assert_frame_equal(found, run("reference", workers=1), check_exact=True)


@pytest.mark.parametrize("begins", ["before", "within", "after"])
def test_the_users_torch_is_put_back_with_its_devices(begins, torch):
    def draw():
        torch.rand()
        if begins != "after":
            torch.cuda.rand(0)

    def next_numbers():
        return torch.rand(), torch.cuda.rand(0), torch.cuda.rand(1)

    def prepare():
        torch.manual_seed(9)
        if begins == "before":
            torch.cuda.rand(1)

    prepare()
    Research("study", Domain(a=range(2))).add_callable(draw).run(parallel=False, bar=False)
    found = next_numbers()
    prepare()
    assert next_numbers() == found


def test_torch_is_not_imported_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(STAND_IN)
    described = Research("study", Domain(a=[1])).add_callable(lambda: "torch" in sys.modules, save_to="x")
    assert not described.run(bar=False, parallel=False).results.df["x"].any()
    assert "torch" not in sys.modules


@pytest.mark.parametrize("module", [None, pytest], ids=["blocked", "another"])
def test_what_only_has_its_name_is_left_alone(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", module)
    with kept_globals():
        assert draws(2, seed_libraries=True) == draws(2, seed_libraries=True)


def test_torch_that_is_imported_meanwhile_has_no_earlier_state(torch):
    del sys.modules["torch"]  # (the fixture puts it away for good)
    with kept_globals():
        sys.modules["torch"] = torch
        torch.manual_seed(3)
        expected = torch.get_rng_state()
    assert torch.get_rng_state() == expected
