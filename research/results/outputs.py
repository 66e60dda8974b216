"""What experiments printed, and what they were run with, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from research.errors import DamagedStudyError, did_you_mean
from research.storage.base import Store
from research.storage.files import inside, is_file_name
from research.storage.folder import ENVIRONMENT
from research.storage.outputs import OF_EXPERIMENT, STREAMS, experiment_file
from research.storage.places import Place


def read_log(store: Store, folder: Path | None, experiment: str, stream: str | None) -> str:
    """Return what an experiment has printed; see `ResearchResults.log`."""
    kept = _wanted(store.study().settings, stream)
    snapshot = store.read(lambda row: experiment in (row.id, row.shown_id), outputs=folder is None)
    if not snapshot.experiments:
        known = [row.shown_id for row in store.read().experiments]
        raise ValueError(f"there is no experiment {experiment!r}{did_you_mean(experiment, known)}")
    if folder is None:
        data = b"".join(row.data for row in snapshot.outputs if row.stream in kept)
    else:
        name = snapshot.experiments[0].folder_name
        if not is_file_name(name):
            raise DamagedStudyError(f"an experiment of the study in {str(folder)!r} has a folder {name!r}")
        files = [experiment_file(folder, name, number) for number in kept]
        data = b"".join(_content(inside(folder, file)) for file in files)
    return data.decode("utf-8", "backslashreplace")


def read_surroundings(place: Place) -> dict[str, str]:
    """Return the texts of what a study was run with; see `ResearchResults.env_meta`."""
    names = sorted(place.names(ENVIRONMENT), key=lambda name: (name.count("/"), name))
    texts = {name: (place.reading(name) or b"").decode("utf-8", "surrogateescape") for name in names}
    return {name.removeprefix(f"{ENVIRONMENT}/").removesuffix(".txt"): text for name, text in texts.items()}


def kept_files(settings: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of files in the folders of experiments that hold what they print."""
    return [f"{STREAMS[number]}.txt" for number in _kept(settings)]


def _kept(settings: Mapping[str, Any]) -> Sequence[int]:
    modes = settings.get("redirect", (0, 0))  # (studies of old have none)
    return [number for number, mode in enumerate(modes) if mode & OF_EXPERIMENT]


def _wanted(settings: Mapping[str, Any], stream: str | None) -> Sequence[int]:
    """Return the numbers of the streams that are asked for."""
    if stream is not None and stream not in STREAMS:
        raise ValueError(
            f"`stream` must be one of {STREAMS} or None, got {stream!r}{did_you_mean(stream, STREAMS)}"
        )
    kept = _kept(settings)
    wanted = kept if stream is None else [STREAMS.index(stream)]
    if not wanted or not set(wanted) <= set(kept):
        names = STREAMS if stream is None else (stream,)
        modes = settings.get("redirect", (0, 0))
        said = " and ".join(f"redirect_{name}={modes[STREAMS.index(name)]}" for name in names)
        raise ValueError(
            f"the study kept no {' and no '.join(names)} of its experiments, as it was run with {said}: "
            "2 and 3 keep what each of them prints"
        )
    return wanted


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # it has printed nothing
        return b""
