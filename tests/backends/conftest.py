"""Fixtures that start backends and see that nothing of them is left."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from tests.backends.driving import MAKERS, Driven, blueprint
from tests.backends.engines import CLUSTERS, ours

NO_PARAMETERS = SimpleNamespace(params={})


def _params(kinds):
    """Return kinds as parameters of tests; clusters take a while."""
    return [pytest.param(kind, marks=pytest.mark.slow if kind in CLUSTERS else ()) for kind in kinds]


@pytest.fixture(params=_params(MAKERS))
def kind(request):
    """Name each kind of backend in turn."""
    return request.param


@pytest.fixture(params=_params(kind for kind in MAKERS if kind != "inline"))
def process_kind(request):
    """Name each kind of backend with processes in turn."""
    return request.param


@pytest.fixture
def drive(request):
    """Return a function that starts a backend; afterwards no process may be left."""
    driven = []

    def start(kind, n_workers=1, plan=None):
        plan = plan or blueprint()
        if kind.endswith("a process per task"):
            plan = plan._replace(isolation="experiment")
        driven.append(Driven(MAKERS[kind](), 1 if kind == "inline" else n_workers, plan))
        return driven[-1]

    for kind in getattr(request.node, "callspec", NO_PARAMETERS).params.values():
        if kind in CLUSTERS:
            CLUSTERS[kind]()
    before = ours(psutil.Process())
    yield start
    for item in driven:
        item.backend.close()
        item.backend.close()
    assert ours(psutil.Process()) <= before
