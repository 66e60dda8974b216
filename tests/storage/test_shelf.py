"""Large objects become files where they are saved: whole, under names that nobody else gives."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

from research.storage.encoding import decode_object, freeze
from research.storage.shelf import LARGE, Shelf, sweep

LARGE_VALUES = {
    "floats": np.arange(LARGE // 8, dtype=float),
    "in the order of Fortran": np.asfortranarray(np.arange(LARGE // 8, dtype=float).reshape(64, -1)),
    "a view with gaps": np.arange(LARGE // 2, dtype=float)[::3],
    "backwards": np.arange(LARGE // 8, dtype=">i8")[::-1],
    "times": np.arange(LARGE // 8).astype("M8[s]"),
    "a structure": np.zeros(LARGE // 12 + 1, dtype=[("x", "f8"), ("ä", "i4")]),
    "objects": np.array([b"x" * LARGE, None], dtype=object),
    "bytes": b"x" * LARGE,
    "a list of arrays": [np.zeros(LARGE // 8), 5],
}


@pytest.fixture
def folder(tmp_path):
    path = Path(tmp_path) / "study"
    path.mkdir()
    return path


def names(folder):
    return sorted(path.name for path in (folder / "objects").iterdir())


@pytest.mark.parametrize("kind", LARGE_VALUES)
def test_a_file_holds_what_would_be_sent(folder, kind):
    value = LARGE_VALUES[kind]
    sent, kept = freeze(value), freeze(value, Shelf(folder), "x", 3)
    assert (kept.format, kept.size, kept.data) == (sent.format, sent.size, None)
    assert (folder / kept.path).read_bytes() == sent.data
    np.testing.assert_equal(decode_object(kept.format, (folder / kept.path).read_bytes()), value)
    assert len(names(folder)) == 1


def test_an_array_is_as_numpy_saves_it(folder):
    array = LARGE_VALUES["floats"]
    buffer = io.BytesIO()
    np.save(buffer, array)
    assert (folder / freeze(array, Shelf(folder), "x", 0).path).read_bytes() == buffer.getvalue()


@pytest.mark.parametrize("value", [5, 0.5, "x" * 2 * LARGE, np.zeros(10), [1, 2], np.float64(1)])
def test_what_is_small_or_plain_has_no_file(folder, value):
    freeze(value, Shelf(folder), "x", 0)
    assert not (folder / "objects").exists()


def test_attempts_variables_and_iterations_have_names_of_their_own(folder):
    array = LARGE_VALUES["floats"]
    places = [("x", 0), ("x", 1), ("y", 0), ("../../y", 0)]
    paths = {
        freeze(array, shelf, *place).path for shelf in (Shelf(folder), Shelf(folder)) for place in places
    }
    assert len(paths) == 8
    assert all((folder / path).parent == folder / "objects" for path in paths)


def test_what_is_saved_anew_takes_the_place_of_the_old(folder):
    shelf = Shelf(folder)
    first, second = (freeze(np.full(LARGE, number), shelf, "x", 0) for number in (1, 2))
    assert first.path == second.path
    assert decode_object("npy", (folder / second.path).read_bytes())[0] == 2
    other = freeze(b"x" * LARGE, shelf, "x", 0)
    assert other.path != second.path  # what the database says of the format holds


def refuse_to_write(folder, monkeypatch):
    (folder / "objects").write_text("in the way")


def be_removed(folder, monkeypatch):
    folder.rmdir()


def be_nearly_full(folder, monkeypatch):
    found = os.statvfs(folder)
    nearly = os.statvfs_result([*found[:2], *found[2:4], LARGE // found.f_frsize * 7, *found[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: nearly)


def test_a_file_system_that_does_not_say_how_much_room_it_has_is_written(folder, monkeypatch):
    found = os.statvfs(folder)
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result([*found[:2], 0, 0, 0, *found[5:]]))
    assert freeze(LARGE_VALUES["floats"], Shelf(folder), "x", 0).path is not None


@pytest.mark.parametrize("happens", [refuse_to_write, be_removed, be_nearly_full])
def test_what_cannot_be_written_here_is_sent(folder, monkeypatch, happens):
    happens(folder, monkeypatch)
    frozen = freeze(LARGE_VALUES["floats"], Shelf(folder), "x", 0)
    assert frozen == freeze(LARGE_VALUES["floats"])
    assert happens is not be_removed or not folder.exists()


def test_nothing_is_left_of_a_file_that_was_broken_off(folder, monkeypatch):
    write_array = np.lib.format.write_array

    def break_off(file, array, *arguments, **more):
        if not isinstance(file, io.BytesIO):
            file.write(b"half")
            raise OSError(28, "No space left on device")
        write_array(file, array, *arguments, **more)

    monkeypatch.setattr(np.lib.format, "write_array", break_off)
    frozen = freeze(LARGE_VALUES["floats"], Shelf(folder), "x", 0)
    assert frozen == freeze(LARGE_VALUES["floats"])
    assert names(folder) == []


def test_what_nobody_knows_of_is_swept_and_nothing_else(folder):
    kept, unknown = (freeze(LARGE_VALUES["floats"], Shelf(folder), "x", 0).path for _ in range(2))
    half = f".{Path(kept).name}.123.0123abcd.tmp"
    others = ["notes.txt", "x.bin", "f" * 32 + ".bin.old"]
    for name in (half, *others):
        (folder / "objects" / name).write_text("x")
    (folder / "objects" / ("0" * 32 + ".bin")).mkdir()
    sweep(folder, lambda: {kept})
    assert names(folder) == sorted([Path(kept).name, *others, "0" * 32 + ".bin"])
    assert not (folder / unknown).exists()


def test_only_the_studys_own_folder_is_swept(folder):
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ("0" * 32 + ".bin")).write_text("x")
    (folder / "objects").symlink_to(elsewhere)
    sweep(folder, set)
    assert len(list(elsewhere.iterdir())) == 1
    (folder / "objects").unlink()
    sweep(folder, set)  # nothing to sweep
