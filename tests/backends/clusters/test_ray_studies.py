"""Studies on one cluster of Ray: what workers have, what comes back, and what is refused."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest

import research
from research import EC, EP, Domain, E, O, R, Research, SuccessiveHalving
from research.backends.clusters.options import Ray
from research.errors import StudyError
from research.version import __version__
from tests.backends.engines import ray_cluster

pytestmark = pytest.mark.slow
ROOT = Path(research.__file__).parents[1]
SECONDS = 0.3  # that a unit takes, so that others get something to do


@pytest.fixture(autouse=True)
def cluster():
    """Start the cluster of this process: 4 CPUs, and 2 GPUs as it was told."""
    ray_cluster()


def negative(x):
    return -x


def surroundings(device):
    time.sleep(SECONDS)
    return [device, os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ["OMP_NUM_THREADS"], os.getppid()]


def run_surroundings(n, workers, **options):
    study = Research("study", Domain(x=range(n)))
    study.add_callable(surroundings, device=EC("device"), save_to=["own", "visible", "threads", "parent"])
    study.run(workers=workers, bar=False, **options)
    assert study.monitor.counts == {"done": n}
    return study.results.to_df(remove_auxilary=False)


def test_workers_have_the_devices_and_threads_that_ray_gave_them():
    found = run_surroundings(8, 2, backend="ray", resources={"GPU": 1, "CPU": 2, "memory": "1 MB"})
    assert set(found["visible"]) == {"0", "1"}
    assert set(found["own"]) == {"0"}  # the first of those that it sees
    assert set(found["threads"]) == {"2"}
    assert found.groupby("visible")["parent"].nunique().tolist() == [1, 1]


def test_workers_may_have_parts_of_one_device():
    found = run_surroundings(8, 3, backend=Ray(resources={"GPU": 0.5}))
    per_device = found.groupby("visible")["parent"].nunique()
    assert set(per_device.index) <= {"0", "1"}
    assert per_device.max() == 2


def test_without_devices_nothing_is_said_of_them():
    study = Research("study", Domain(x=range(2)))
    study.add_callable(lambda: os.environ.get("CUDA_VISIBLE_DEVICES"), save_to="visible")
    study.run(workers=2, backend="ray", bar=False)
    assert study.results.to_df()["visible"].isna().all()


def test_a_cluster_that_has_room_for_two_runs_the_study_with_two():
    found = run_surroundings(12, 8, backend="ray", resources={"CPU": 2})
    assert found["parent"].nunique() == 2


def test_there_may_be_as_many_workers_as_there_is_room():
    found = run_surroundings(24, "auto", backend="ray")
    assert found["parent"].nunique() == 4


@pytest.mark.parametrize(
    "resources, named",
    [
        ({"GPU": 3}, r"\{'GPU': 3.0\}, they have .*'GPU': 2.0"),
        ({"licence": 1}, r"\{'licence': 1.0\}, they have .*'CPU': 4.0"),
        ({"memory": "900 TB"}, r"\{'memory': 900000000000000.0\}, they have"),
        ({"GPU": 1.5}, r"Ray refuses what workers are to have: .*[Ff]raction|whole"),
    ],
)
def test_what_no_node_has_is_refused_at_the_start(resources, named):
    study = Research("study", Domain(x=range(2))).add_callable(negative, x=EC("x"), save_to="y")
    with pytest.raises(StudyError, match=named):
        study.run(workers=2, backend="ray", resources=resources, bar=False)


# libraries of nodes


def other_library(folder, version):
    """Copy this library to a folder, as if it were of another version."""
    for name in ("research", "samplers"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "research" / "version.py").write_text(f'__version__ = "{version}"\n')


def test_another_version_of_this_library_is_refused_by_name(tmp_path):
    other_library(tmp_path / "other", "0.0.1")
    backend = Ray(runtime_env={"env_vars": {"PYTHONPATH": str(tmp_path / "other")}})
    study = Research("study", Domain(x=range(2))).add_callable(negative, x=EC("x"), save_to="y")
    with pytest.raises(
        StudyError, match=rf"has research 0\.0\.1, and this process has research {__version__}"
    ):
        study.run(workers=2, backend=backend, bar=False)


def test_nodes_without_this_library_are_refused(tmp_path):
    (tmp_path / "other" / "research").mkdir(parents=True)
    (tmp_path / "other" / "research" / "__init__.py").write_text("")
    backend = Ray(runtime_env={"env_vars": {"PYTHONPATH": str(tmp_path / "other")}})
    study = Research("study", Domain(x=range(2))).add_callable(negative, x=EC("x"), save_to="y")
    with pytest.raises(StudyError, match=r"nodes of the cluster cannot import this library"):
        study.run(workers=2, backend=backend, bar=False)


def test_folders_are_handed_over_only_by_who_connects(tmp_path):
    study = Research("study", Domain(x=range(4))).add_callable(negative, x=EC("x"), save_to="y")
    with pytest.raises(StudyError, match=r"Ray refuses what workers are to have: .*passed to `ray\.init`"):
        study.run(workers=2, backend=Ray(runtime_env={"working_dir": str(tmp_path)}), bar=False)


# what comes back


def speak(x, folder):
    print("says", x)
    (folder / "deep").mkdir()
    (folder / "deep" / "file.bin").write_bytes(bytes([x]) * 3)
    return x


def test_files_and_what_is_printed_come_back():
    study = Research("study", Domain(x=range(4))).add_callable(speak, x=EC("x"), folder=EP(), save_to="y")
    study.run(workers=2, backend="ray", bar=False, redirect_stdout=3)
    assert sorted(Path("study/stdout.txt").read_text().splitlines()) == [f"says {x}" for x in range(4)]
    for id_, config in study.results.configs.items():
        folder = Path("study/experiments") / id_
        assert (folder / "deep" / "file.bin").read_bytes() == bytes([config["x"]]) * 3
        assert (folder / "stdout.txt").read_text() == f"says {config['x']}\n"


def refined(results):
    table = results.to_df(remove_auxilary=False)
    if table["updates"].max() == 2:
        return None
    return Domain(x=[float(table["y"].min()), float(table["y"].max())]) * Domain(z=range(2))


def descend(x, random):
    for _ in range(3):
        yield x + random.normal()


def updated(name, **options):
    study = Research(name, Domain(x=[0.5, 1.5]) * Domain(z=range(3)), n_reps=2)
    study.add_generator("descend", descend, x=EC("x"), random=E().random).save(O("descend"), "y")
    study.update_domain(refined, results=R()).run(seed=11, bar=False, **options)
    return study.results.to_df(remove_auxilary=False).sort_values(["id", "iteration"], ignore_index=True)


def test_a_study_that_replaces_its_domain_is_the_same_as_in_this_process():
    found, expected = updated("there", workers=3, backend="ray"), updated("here", parallel=False)
    assert set(expected["updates"]) == {0, 1, 2}
    pd.testing.assert_frame_equal(
        found.drop(columns="device", errors="ignore"),
        expected.drop(columns="device", errors="ignore"),
        check_exact=True,
    )


def test_hopeless_experiments_are_pruned():
    study = Research("study", Domain(a=range(8)))
    study.add_generator("loss", lambda a: iter([a] * 6), a=EC("a")).save(O("loss"), "loss")
    study.prune(SuccessiveHalving(1, 2), "loss").run(n_iters=5, workers=2, backend="ray", bar=False)
    assert study.monitor.counts["pruned"] >= 4
    assert sum(study.monitor.counts.values()) == 8
