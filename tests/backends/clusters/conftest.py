"""Fixtures that start clusters."""

from __future__ import annotations

import pytest

from tests.backends.clusters.hosts import Hosts


@pytest.fixture
def hosts(tmp_path):
    """Return a cluster of Dask that has no worker yet."""
    cluster = Hosts(tmp_path / "cluster")
    yield cluster
    cluster.close()
