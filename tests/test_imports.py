"""What is imported, and what only where it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import research


def modules_after(code):
    """Return the modules that a fresh interpreter has after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, check=True
    )
    return set(done.stdout.decode().split())


def test_importing_the_package_imports_nothing_else():
    assert not {"numpy", "research.research", "samplers", "click"} & modules_after("import research")


def test_programs_that_report_import_next_to_nothing():
    assert not {"numpy", "pandas", "sqlalchemy", "research.errors"} & modules_after(
        "from research import report"
    )


def test_a_domain_needs_no_study():
    found = modules_after("from research import Domain, Config, EC")
    assert "numpy" in found
    assert not {"pandas", "scipy", "sqlalchemy", "dill", "logging", "socket", "research.research"} & found


@pytest.mark.parametrize("name", research.__all__)
def test_each_name_is_there(name):
    value = getattr(research, name)
    assert name in dir(research)
    assert getattr(research, "__version__" if name == "__version__" else name) is value


def test_other_names_are_not():
    with pytest.raises(AttributeError, match=r"module 'research' has no attribute 'Reserch'"):
        research.Reserch
    with pytest.raises(ImportError, match=r"cannot import name 'Reserch'"):
        exec("from research import Reserch")
