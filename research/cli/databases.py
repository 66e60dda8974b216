"""Studies in a database on a server, as lists show them."""

from __future__ import annotations

from collections.abc import Iterator

from research.cli.studies import Summary, summarize
from research.storage.catalog import Catalog
from research.storage.places import DatabasePlace
from research.storage.servers import Server


def summarize_all(server: Server) -> Iterator[tuple[str, Summary]]:
    """Walk the names of studies, with what is known of them.

    Raises
    ------
    StudyError
        If the database cannot be reached.
    """
    with Catalog.of(server) as catalog:
        names = sorted(catalog.studies())
    for name in names:
        yield name, summarize(DatabasePlace(server, name))
