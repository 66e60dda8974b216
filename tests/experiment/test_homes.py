"""What is a library's and what is a user's."""

from __future__ import annotations

import collections
import sys
import sysconfig
from importlib import import_module

import numpy as np
import pytest

from research.experiment.homes import _library_folders, home_of_module


def test_libraries_are_where_python_says():
    assert _library_folders() == tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))


@pytest.mark.parametrize("module", [collections, np, pytest])
def test_what_is_installed_has_no_home(module):
    assert home_of_module(module.__name__) is None


def test_a_module_of_a_user_is_at_home_in_its_folder(tmp_path, monkeypatch):
    (tmp_path / "own_code.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    import_module("own_code")
    assert home_of_module("own_code") == str(tmp_path)
    del sys.modules["own_code"]
