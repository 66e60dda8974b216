"""Files that units wrote under `EP()`."""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from research.framing import frame_of
from research.results.frames import column_of, free_name
from research.results.selection import StoredExperiment
from research.storage.folder import EXPERIMENTS


class Artifact(NamedTuple):
    """A file of an experiment.

    Attributes
    ----------
    path : str
        Relative to the study's folder, with `/` between its parts.
    name : str
        The same, relative to the experiment's folder: what it is called in every experiment that wrote it.
    size : int
        In bytes.
    modified : float
        Seconds since the epoch.
    """

    path: str
    name: str
    size: int
    modified: float


def artifacts_frame(
    folder: Path | None,
    experiments: Sequence[StoredExperiment],
    head: pd.DataFrame,
    names: Container[str] | None = None,
    left_out: Container[str] = (),
) -> pd.DataFrame:
    """Make a table with one row per file; see `ResearchResults.artifacts_to_df`.

    Parameters
    ----------
    folder : Path or None
        The study's; None if it has none, and so no files.
    experiments : sequence of StoredExperiment
    head : DataFrame
        What is shown of each experiment, one row for each.
    names : container of str, optional
        Which files; default all.
    left_out : container of str
        Files that are not the units'.
    """
    found: list[Artifact] = []
    owners: list[int] = []
    written = _written(folder)
    for place, experiment in enumerate(experiments):
        if folder is None or experiment.row.folder_name not in written:
            continue
        for artifact in find_artifacts(folder, experiment.row.folder_name):
            if artifact.name not in left_out and (names is None or artifact.name in names):
                found.append(artifact)
                owners.append(place)
    taken = [str(name) for name in head.columns]
    columns = {
        "path": column_of([item.path for item in found]),
        "name": column_of([item.name for item in found]),
        "size": np.array([item.size for item in found], dtype=np.int64),
        "modified": np.array([item.modified for item in found], dtype=np.float64),
    }
    frame = frame_of({free_name(name, taken): column for name, column in columns.items()})
    return pd.concat([head.take(owners).reset_index(drop=True), frame], axis=1)


def find_artifacts(folder: Path, experiment: str) -> Iterator[Artifact]:
    """Walk the files of an experiment by name. Links to folders are not followed.

    Parameters
    ----------
    folder : Path
        The study's.
    experiment : str
        The name of its folder.

    Raises
    ------
    PermissionError
        If a folder may not be read.
    """
    top = folder / EXPERIMENTS / experiment
    paths = [
        Path(parent, file)
        for parent, _, files in os.walk(top, onerror=_refuse_what_is_there)
        for file in files
    ]
    for name, path in sorted((path.relative_to(top).as_posix(), path) for path in paths):
        try:
            status = path.stat()
        except FileNotFoundError:  # removed just now, or a link that leads nowhere
            continue
        if stat.S_ISREG(status.st_mode):
            yield Artifact(f"{EXPERIMENTS}/{experiment}/{name}", name, status.st_size, status.st_mtime)


def _written(folder: Path | None) -> set[str]:
    """Return the names of the folders of experiments: few have, where there are many experiments."""
    if folder is None or not (folder / EXPERIMENTS).is_dir():
        return set()
    return {path.name for path in (folder / EXPERIMENTS).iterdir()}


def _refuse_what_is_there(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # (units of a running study may remove folders)
        raise error
