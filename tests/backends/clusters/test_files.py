"""Files of experiments, from workers that share no folder with the driver, back to it."""

from __future__ import annotations

import os
import random
import signal
import stat
import time
from pathlib import Path

import pytest

from research import EC, EP, Domain, E, Halving, Research
from research.backends.clusters.files import FilePart, Folders, Receiver
from research.backends.clusters.options import Dask
from tests.backends.clusters.hosts import until

STRANGE = ["plain.txt", "with a blank", "with\na newline", ".hidden", "ünïcode", "\udcff", "-rf *", "a\\b"]


def write(folder, a, outside):
    """Leave files of all kinds in the folder."""
    folder = Path(folder)
    for number, name in enumerate(STRANGE):
        (folder / name).write_text(f"{a} {number}")
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "large").write_bytes(random.Random(a).randbytes(9_000_000))
    (folder / "deep" / "empty").write_bytes(b"")
    (folder / "empty folder").mkdir()
    (folder / "to a file").symlink_to("plain.txt")
    (folder / "to nothing").symlink_to("nowhere")
    (folder / "deep" / "to a folder").symlink_to("../empty folder")
    (folder / "out of it").symlink_to(Path(outside).parent)
    (folder / "outwards").symlink_to(outside)
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    os.mkfifo(folder / "pipe")
    return str(folder)


def check(folder, a):
    assert [(folder / name).read_text() for name in STRANGE] == [f"{a} {n}" for n in range(len(STRANGE))]
    assert (folder / "deep" / "deeper" / "large").read_bytes() == random.Random(a).randbytes(9_000_000)
    assert (folder / "deep" / "empty").read_bytes() == b""
    assert list((folder / "empty folder").iterdir()) == []
    assert (folder / "to a file").read_text() == f"{a} 0"
    assert (folder / "outwards").read_text() == "outside"
    links = {"to a file": "plain.txt", "to nothing": "nowhere", "deep/to a folder": "../empty folder"}
    assert {name: os.readlink(folder / name) for name in links} == links
    assert not (folder / "outwards").is_symlink()
    assert not os.path.lexists(folder / "out of it")
    assert not os.path.lexists(folder / "pipe")
    assert stat.S_IMODE((folder / "program").stat().st_mode) & 0o700 == 0o700


def backend(hosts, **options):
    return Dask(hosts.address, patience=20, **options)


def check_nothing_left(host):
    until(lambda: not host.agents() and not host.workers(), 20)
    assert list(host.cwd.rglob("*")) == []
    assert list(host.tmp.rglob("*research*")) == []


@pytest.mark.slow
def test_files_come_back_and_nothing_is_left_behind(hosts, tmp_path):
    host = hosts.add()
    (tmp_path / "outside").write_text("outside")
    study = Research("study", Domain(a=range(4))).add_callable(
        "write", write, folder=EP(), a=EC("a"), outside=str(tmp_path / "outside"), save_to="where"
    )
    study.run(bar=False, workers=2, backend=backend(hosts))
    assert study.monitor.counts == {"done": 4}
    for row in study.results.df.itertuples():
        check(Path("study/experiments") / row.id, row.a)
        assert row.where.startswith(str(host.tmp))
    assert len(list(Path("study/experiments").iterdir())) == 4
    check_nothing_left(host)


@pytest.mark.slow
def test_prefixes_of_folders_come_along(hosts):
    hosts.add()
    study = Research("study", Domain(a=[1, 2], b=[3]))
    study.add_callable("note", lambda folder: (Path(folder) / "note").write_text("x"), folder=EP())
    study.run(bar=False, workers=1, backend=backend(hosts), create_id_prefix=True)
    paths = sorted(Path("study/experiments").iterdir())
    assert [path.name.count("_") > 0 for path in paths] == [True, True]
    assert all((path / "note").read_text() == "x" for path in paths)


def fill(folder, a):
    (Path(folder) / "first").write_bytes(bytes(400_000))
    (Path(folder) / "second").write_bytes(bytes(400_000 * a))


@pytest.mark.slow
def test_an_experiment_whose_files_are_too_large_has_failed(hosts):
    host = hosts.add()
    study = Research("study", Domain(a=[1, 2])).add_callable("fill", fill, folder=EP(), a=EC("a"))
    study.run(bar=False, workers=1, backend=backend(hosts, files_limit="1 MB"))
    assert study.monitor.counts == {"done": 1, "failed": 1}
    (error,) = study.results.statuses_to_df()["error"].dropna()
    assert error.endswith(
        ": its files hold 1.2 MB, and at most 1.0 MB are sent back: raise `files_limit` of the backend, or "
        "write to a place that all machines share"
    )
    configs = study.results.configs
    (kept,) = Path("study/experiments").iterdir()
    assert configs[kept.name]["a"] == 1
    check_nothing_left(host)


def begin_file(folder, a, id_):
    (Path(folder) / "root").write_text(f"{a} {id_}")
    return a


def go_on(folder, id_, shared):
    text = (Path(folder) / "root").read_text() if (Path(folder) / "root").exists() else None
    (Path(folder) / "branch").write_text(id_)
    return text


def leave_late(folder):
    (Path(folder) / "late").write_text("late")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["for", "threads"])
def test_files_of_roots_belong_to_the_first_of_their_group(hosts, target):
    host = hosts.add()
    study = Research("study", Domain(a=range(6)))
    study.add_callable("begin", begin_file, folder=EP(), a=EC("a"), id_=E().id, root=True)
    study.add_callable("go_on", go_on, folder=EP(), id_=E().id, shared=None, save_to="text")
    study.add_callable("late", leave_late, folder=EP(), root=True, when="last")
    study.run(bar=False, workers=2, branches=3, n_iters=2, backend=backend(hosts), executor_target=target)
    assert study.monitor.counts == {"done": 6}
    reference = Research("reference", Domain(a=range(6)))
    reference.add_callable("begin", begin_file, folder=EP(), a=EC("a"), id_=E().id, root=True)
    reference.add_callable("go_on", go_on, folder=EP(), id_=E().id, shared=None, save_to="text")
    reference.add_callable("late", leave_late, folder=EP(), root=True, when="last")
    reference.run(bar=False, parallel=False, branches=3, n_iters=2)
    assert contents("study") == contents("reference")
    check_nothing_left(host)


def contents(name):
    root = Path(name, "experiments")
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def train(folder, before, epochs):
    """Go on from what the parent has left."""
    done = 0 if before is None else int((Path(before) / "checkpoint").read_text())
    (Path(folder) / "checkpoint").write_text(str(epochs))
    return done


@pytest.mark.slow
def test_an_experiment_finds_the_folder_of_its_parent(hosts):
    hosts.add(1)
    hosts.add(1)
    study = Research("study", Domain(x=range(9)) * Domain(epochs=[1]))
    study.add_callable(
        "train", train, folder=EP(), before=EP(parent=True), epochs=EC("epochs"), save_to="from"
    )
    study.add_callable("score", lambda x, epochs: x * epochs, x=EC("x"), epochs=EC("epochs"), save_to="score")
    study.update_domain(Halving("score", "epochs", 9))
    study.run(bar=False, workers=2, backend=backend(hosts))
    assert study.monitor.counts == {"done": 9 + 3 + 1}
    assert {tuple(row) for row in study.results.df[["epochs", "from"]].values} == {(1, 0), (3, 1), (9, 3)}


@pytest.mark.slow
def test_another_agent_is_sent_the_folder_of_a_parent_again(hosts, tmp_path):
    killed = tmp_path / "killed"

    def fall(folder, before, epochs):
        if epochs == 3 and not killed.exists():
            killed.touch()
            os.kill(os.getppid(), signal.SIGKILL)  # the worker of Dask, with its agent
            time.sleep(60)
        done = 0 if before is None else int((Path(before) / "checkpoint").read_text())
        (Path(folder) / "checkpoint").write_text(str(epochs))
        return done

    hosts.add(1)
    study = Research("study", Domain(x=range(3)) * Domain(epochs=[1]))
    study.add_callable(fall, folder=EP(), before=EP(parent=True), epochs=EC("epochs"), save_to="from")
    study.add_callable("score", lambda x: x, x=EC("x"), save_to="score")
    study.update_domain(Halving("score", "epochs", 3))
    study.run(bar=False, workers=1, backend=backend(hosts), retries={"lost": 1})
    assert killed.exists()
    assert study.monitor.counts == {"done": 3 + 1}
    assert {tuple(row) for row in study.results.df[["epochs", "from"]].values} == {(1, 0), (3, 1)}


def part(path, folder="0123456789abcdef", data=b"x"):
    return FilePart(folder, path, 0o600, 0, data, True)


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("e", "../elsewhere"),
        ("e", "/etc/elsewhere"),
        ("e", "a/../../../elsewhere"),
        ("../e", "a"),
        ("/e", "a"),
        ("e", "a\0b"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path, folder, path):
    receiver = Receiver(tmp_path / "root")
    with pytest.raises(ValueError, match=r"which is not in its experiment's folder"):
        receiver.take(part(path, folder))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["..", "../e2/a", "/etc/passwd", "b/../../x"])
def test_a_link_that_leads_elsewhere_is_refused(tmp_path, target):
    receiver = Receiver(tmp_path / "root")
    link = part("a", "e", target.encode())._replace(is_link=True)
    with pytest.raises(ValueError, match=r"which is not in its experiment's folder"):
        receiver.take(link)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_breaks_off_is_not_there(tmp_path):
    receiver = Receiver(tmp_path)
    receiver.take(part("a")._replace(is_last=False))
    receiver.take(part("b"))
    receiver.close()
    assert [path.name for path in (tmp_path / "0123456789abcdef").iterdir()] == ["b"]


def test_what_was_sent_is_not_sent_again_unless_it_has_changed(tmp_path):
    folder = tmp_path / "e"
    folder.mkdir()
    (folder / "a").write_text("1")
    folders = Folders(tmp_path)
    assert [part.path for part in folders.parts("e")] == ["", "a"]
    assert list(folders.parts("e")) == []
    (folder / "a").write_text("22")
    assert [part.path for part in folders.parts("e")] == ["a"]
    folders.forget("e")
    assert not folder.exists()
