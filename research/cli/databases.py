"""Studies in a database on a server, as lists show them."""

from __future__ import annotations

from collections.abc import Iterator

from research.cli.studies import Summary, summary_of
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
        counts = {name: catalog.counts(name) for name in sorted(catalog.studies())}
    for name, rows in counts.items():
        place = DatabasePlace(server, name)
        is_running = place.is_held()  # asked first: one that ends meanwhile has written how
        yield name, summary_of(place.folder, place.store().study(), rows, is_running)
