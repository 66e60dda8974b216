"""What all tests share."""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.load_profile("default")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    """Run each test in a folder of its own, where studies may be written."""
    monkeypatch.chdir(tmp_path)


def service(variable: str, default: str) -> str:
    """Return the address of a service that a test needs."""
    return os.environ.get(variable, default)
