"""What workers of a cluster have to have: this library, its version, modules of users, devices."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from research import EC, Domain, Research
from research.backends.clusters.engine import Hello
from research.backends.clusters.options import Dask
from research.errors import StudyError
from research.version import __version__
from tests.backends.clusters.hosts import until
from tests.backends.clusters.journeys import driver, end

pytestmark = pytest.mark.slow
PATIENCE = 20.0

OTHER_VERSION = """
import sys, types

sys.modules["research.version"] = types.ModuleType("research.version")
sys.modules["research.version"].__version__ = "0.0.7"
"""
HIDDEN = """
import importlib.abc, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "research" or name.startswith("research."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Finder())
"""
OTHER_PYTHON = """
import platform
platform.python_version_tuple = lambda: ("3", "7", "0")
"""


def at_start(tmp_path, code):
    """Return the environment of an interpreter that runs code as it starts."""
    folder = tmp_path / "at_start"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


def backend(hosts, **options):
    return Dask(hosts.address, patience=PATIENCE, **options)


def double(a):
    return 2 * a


def study(name="study", function=double):
    return Research(name, Domain(a=range(4))).add_callable("f", function, a=EC("a"), save_to="b")


def test_another_version_there_is_refused(hosts, tmp_path):
    patched = OTHER_VERSION.replace("return sys.modules[name].__spec__", "return None")
    hosts.add(**at_start(tmp_path, patched))
    own = re.escape(__version__)
    with pytest.raises(
        StudyError, match=rf"has research 0\.0\.7, and this process has research {own}: install"
    ):
        study().run(bar=False, workers=2, backend=backend(hosts))


def test_another_python_there_is_refused(hosts, tmp_path):
    hosts.add(**at_start(tmp_path, OTHER_PYTHON))
    with pytest.raises(
        StudyError, match=rf"has Python 3\.7, and this process has Python {Hello.here().python}"
    ):
        study().run(bar=False, workers=1, backend=backend(hosts))


def test_where_the_library_is_missing_the_error_says_so(hosts, tmp_path):
    hosts.add(**at_start(tmp_path, HIDDEN))
    with pytest.raises(StudyError, match=r"cannot import this library .*research.*: install it there"):
        study().run(bar=False, workers=1, backend=backend(hosts))


def test_where_the_scheduler_lacks_the_library_everything_works(tmp_path):
    from tests.backends.clusters.hosts import Hosts

    hosts = Hosts(tmp_path / "cluster", **at_start(tmp_path, HIDDEN))
    try:
        hosts.add(PYTHONPATH="")
        found = study().run(bar=False, workers=1, backend=backend(hosts))
        assert found.monitor.counts == {"done": 4}
    finally:
        hosts.close()


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from research import EC, Domain, Research
from research.backends.clusters.options import Dask
from only_here import double

study = Research("study", Domain(a=range(4))).add_callable(double, a=EC("a"), save_to="b")
{before}
study.run(bar=False, workers=2, backend=Dask({address!r}, patience={patience}))
assert study.monitor.counts == {{"done": 4}}
print(study.results.df["b"].tolist())
"""


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_module_that_workers_lack_can_be_sent(hosts, tmp_path, is_sent):
    hosts.add()
    folder = tmp_path / "own"
    folder.mkdir()
    module = folder / "only_here.py"
    module.write_text("def double(a):\n    return 2 * a\n")
    before = (
        f"from distributed import Client; Client({hosts.address!r}).upload_file({str(module)!r})"
        if is_sent
        else ""
    )
    code = SCRIPT.format(folder=str(folder), before=before, address=hosts.address, patience=PATIENCE)
    process = driver(tmp_path, code)
    try:
        out, said = process.communicate(timeout=90)
    finally:
        end(process)
    if is_sent:
        assert process.returncode == 0, said
        assert out.split() == ["[0,", "2,", "4,", "6]"]
    else:
        assert process.returncode == 1
        assert "No module named 'only_here'" in said
        assert "upload_file" in said.splitlines()[-1]
        assert "never retrieved" not in said


def test_resources_that_nobody_has_are_refused(hosts):
    hosts.add(resources="GPU=2 memory=8e9")
    text = r"no worker of the cluster has the resources {'TPU': 1.0}, they have {'GPU': 2.0, 'memory': 8.*}: "
    with pytest.raises(StudyError, match=text):
        study().run(bar=False, workers=1, backend=backend(hosts, resources={"TPU": 1}))
    with pytest.raises(StudyError, match=r"no worker of the cluster has the resources {'GPU': 3.0}"):
        study().run(bar=False, workers=1, backend=backend(hosts, resources={"GPU": 3}))
    with pytest.raises(StudyError, match=r"no worker .* {'memory': 9000000000.0}"):
        study().run(bar=False, workers=1, backend=backend(hosts, resources={"memory": "9 GB"}))


def look(device):
    import time

    time.sleep(0.3)
    return os.environ.get("CUDA_VISIBLE_DEVICES"), device, os.environ.get("CUDA_DEVICE_ORDER")


def seen(found):
    table = found.results.df
    statuses = found.results.statuses_to_df().set_index("id")
    return {(int(statuses.loc[row.id, "worker"]), *map(_frozen, row.v)) for row in table.itertuples()}


def _frozen(value):
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("visible", "resources", "workers", "expected"),
    [
        ("4,5", {"GPU": 1}, 2, {("4", "0"), ("5", "0")}),
        ("GPU-a,GPU-b,GPU-c", {"GPU": 1}, 2, {("GPU-a", "0"), ("GPU-b", "0")}),
        ("4,5", {"GPU": 2}, 1, {("4,5", ("0", "1"))}),
        ("4", {"GPU": 0.5}, 2, {("4", "0")}),
    ],
)
def test_devices_of_a_worker_of_dask_are_dealt(hosts, visible, resources, workers, expected):
    hosts.add(2, resources=f"GPU={len(visible.split(','))}", CUDA_VISIBLE_DEVICES=visible)
    described = Research("study", Domain(a=range(8))).add_callable(
        "look", look, device=EC("device"), save_to="v"
    )
    found = described.run(
        bar=False, workers=workers, backend=backend(hosts, resources=resources), isolation="worker"
    )
    assert found.monitor.counts == {"done": 8}
    rows = seen(found)
    assert {row[1:3] for row in rows} == expected
    assert len({row[0] for row in rows}) == len(rows) == workers
    assert {row[3] for row in rows} == {"PCI_BUS_ID"}


def test_devices_go_back_when_a_study_ends(hosts):
    hosts.add(1, resources="GPU=1", CUDA_VISIBLE_DEVICES="7")
    for number in range(2):
        described = Research(f"study{number}", Domain(a=[1])).add_callable(
            "look", look, device=EC("device"), save_to="v"
        )
        found = described.run(bar=False, workers=1, backend=backend(hosts, resources={"GPU": 1}))
        assert [row[1:3] for row in seen(found)] == [("7", "0")]


def test_no_device_is_shown_where_none_is_asked_for(hosts):
    hosts.add(1, CUDA_VISIBLE_DEVICES="7")
    described = Research("study", Domain(a=[1])).add_callable("look", look, device=EC("device"), save_to="v")
    found = described.run(bar=False, workers=1, backend=backend(hosts))
    assert [row[1:] for row in seen(found)] == [("7", None, None)]


def test_a_worker_that_promises_more_devices_than_it_sees_is_found_out(hosts):
    hosts.add(2, resources="GPU=2", CUDA_VISIBLE_DEVICES="7")
    described = Research("study", Domain(a=range(99))).add_callable(look, device=EC("device"), save_to="v")
    with pytest.raises(
        StudyError, match=r"promises more devices than it sees: of \['7'\], 0 are free, and 1"
    ):
        described.run(bar=False, workers=2, backend=backend(hosts, resources={"GPU": 1}))


def test_there_is_no_scheduler_at_an_address():
    with pytest.raises(
        StudyError, match=r"there is no scheduler of Dask at 'tcp://127.0.0.1:1': .*start one by"
    ):
        study().run(bar=False, workers=1, backend=Dask("tcp://127.0.0.1:1", patience=2))
    assert not Path("study/research.lock").exists()


def test_what_is_needed_can_be_said_in_run(hosts):
    hosts.add(resources="GPU=1")
    found = study().run(bar=False, workers=1, backend="dask", address=hosts.address, resources={"GPU": 1})
    assert found.monitor.counts == {"done": 4}
    until(lambda: not hosts.hosts[1].workers())
