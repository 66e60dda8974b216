"""What all tests share."""

from __future__ import annotations

import os

import hypothesis
import pytest

# where a change is judged, the same examples are tried each time; elsewhere new ones are looked for
IS_JUDGED = os.environ.get("CI") == "true"
hypothesis.settings.register_profile("default", deadline=None, print_blob=True, derandomize=IS_JUDGED)
hypothesis.settings.load_profile("default")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    """Run each test in a folder of its own, where studies may be written."""
    monkeypatch.chdir(tmp_path)
