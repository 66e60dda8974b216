"""Where it is kept what experiments print."""

from __future__ import annotations

import pytest

from research.errors import StudyError
from research.events import STDERR, STDOUT, Printed
from research.storage.base import Output
from research.storage.outputs import Outputs


def said(data, *experiments, stream=STDOUT):
    return Printed(0, experiments, stream, data, None)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.txt")}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0, {}),
        (1, {"stdout.txt": b"one two nobody's"}),
        (2, {"experiments/a/stdout.txt": b"one two ", "experiments/b/stdout.txt": b"two "}),
        (
            3,
            {
                "stdout.txt": b"one two nobody's",
                "experiments/a/stdout.txt": b"one two ",
                "experiments/b/stdout.txt": b"two ",
            },
        ),
    ],
)
def test_files_by_mode(tmp_path, mode, expected):
    outputs = Outputs(tmp_path, (mode, 0))
    for printed in (said(b"one ", "a"), said(b"two ", "a", "b", "ended"), said(b"nobody's")):
        assert not outputs.take(printed, {"a", "b"})
    outputs.take(said(b"not kept", "a", stream=STDERR), {"a"})
    assert files(tmp_path) == {}
    outputs.write()
    outputs.write()
    assert files(tmp_path) == expected


def test_one_that_begins_anew_has_an_empty_log(tmp_path):
    outputs = Outputs(tmp_path, (2, 2))
    outputs.take(said(b"old ", "a"), {"a", "b"})
    outputs.take(said(b"old ", "a", "b", stream=STDERR), {"a", "b"})
    outputs.write()
    outputs.take(said(b"older", "a"), {"a", "b"})
    assert outputs.restart("a")
    assert not outputs.restart("c")
    outputs.take(said(b"new", "a"), {"a", "b"})
    outputs.write()
    assert files(tmp_path) == {"experiments/a/stdout.txt": b"new", "experiments/b/stderr.txt": b"old "}


def test_without_a_folder_it_is_for_the_store():
    outputs = Outputs(None, (2, 0))
    assert outputs.take(said(b"x", "a", "b", "ended"), {"a", "b"}) == [
        Output("a", 0, b"x"),
        Output("b", 0, b"x"),
    ]
    assert not outputs.take(said(b"x", "a", stream=STDERR), {"a"})
    assert outputs.restart("a")
    outputs.end("b")
    assert not outputs.restart("b")


def test_much_does_not_wait(tmp_path):
    outputs = Outputs(tmp_path, (2, 0))
    for _ in range(17):
        outputs.take(said(bytes(2**20), "a"), {"a"})
    assert len(files(tmp_path)["experiments/a/stdout.txt"]) >= 2**24


def test_what_the_disk_refuses_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "stdout.txt").mkdir()
    outputs = Outputs(tmp_path, (1, 0))
    outputs.take(said(b"x"), ())
    with pytest.raises(StudyError, match=r"stdout\.txt' cannot be written: IsADirectoryError"):
        outputs.write()
