"""Files of results that any program has written: which there are, and what is in them."""

from __future__ import annotations

import fnmatch
import json
import os
import pickle
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from research.domain.config import flatten
from research.domain.names import is_path
from research.errors import FilesError, did_you_mean

_DIGITS = re.compile("([0-9]+)")
_MOST_NAMED = 1000  # names of other files that are looked at for near matches


class Source(NamedTuple):
    """A file of results."""

    name: str  # its path from the root, with '/'
    path: Path
    modified: float  # seconds since the epoch


def natural_key(name: str) -> tuple[list[Any], str]:
    """Return what sorts paths as people do: part by part, numbers by their size.

    Examples
    --------
    >>> sorted(['10/a', '9/b', '9/a', 'run2', 'run10', '1'], key=natural_key)
    ['1', '9/a', '9/b', '10/a', 'run2', 'run10']
    """
    parts = [_DIGITS.split(part) for part in name.split("/")]  # every second piece is a number
    keys = [
        [(place % 2 == 0, int(piece) if place % 2 else 0, piece) for place, piece in enumerate(part) if piece]
        for part in parts
    ]
    return keys, name


def find_sources(root: Path, pattern: str, but: Path | None = None) -> list[Source]:
    """Return the files below a folder that a pattern fits, in natural order.

    Parameters
    ----------
    root : Path
    pattern : str
        Of the file's name, at any depth; or, with a '/' in it, of its path from `root`.
    but : Path, optional
        A folder that is not looked into.

    Raises
    ------
    FilesError
        If there are none.
    """
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        near = [item.name for item in root.parent.iterdir()] if root.parent.is_dir() else []
        raise FilesError(f"`root` {str(root)!r} {what}{did_you_mean(root.name, near)}")
    others: dict[str, None] = {}
    found = []
    for name, path in _walk(root, but):
        file = PurePosixPath(name).name
        if _fits(name, file, pattern):
            found += _as_source(name, path)
        elif len(others) < _MOST_NAMED:
            others[file] = None
    if not found:
        hint = did_you_mean(PurePosixPath(pattern).name, others)
        raise FilesError(f"no file below {str(root)!r} fits `pattern` {pattern!r}{hint}")
    return sorted(found, key=lambda source: natural_key(source.name))


def _as_source(name: str, path: Path) -> list[Source]:
    """Return a file as a source; none, if it is a pipe or the like, from which nothing might ever come."""
    try:
        status = path.stat()
    except OSError as error:
        raise FilesError(f"{str(path)!r} cannot be read: {type(error).__name__}: {error}") from error
    return [Source(name, path, status.st_mtime)] if stat.S_ISREG(status.st_mode) else []


def _walk(root: Path, but: Path | None) -> Iterator[tuple[str, Path]]:
    def fail(error: OSError) -> None:
        raise FilesError(f"{str(root)!r} cannot be looked through: {error}") from error

    left_out = None if but is None else str(but.absolute())
    for top, folders, files in os.walk(root.absolute(), onerror=fail):
        if top == left_out:
            folders.clear()
            continue
        inner = os.path.relpath(top, root.absolute()).replace(os.sep, "/")
        for file in files:
            yield file if inner == "." else f"{inner}/{file}", Path(top, file)


def _fits(name: str, file: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatch.fnmatchcase(file, pattern)
    return _all_fit(name.split("/"), pattern.removeprefix("./").split("/"))


def _all_fit(parts: list[str], wanted: list[str]) -> bool:
    """Whether parts of a path fit those of a pattern, where `**` stands for any number of them."""
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_all_fit(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], wanted[0]) and _all_fit(parts[1:], wanted[1:])


def _load_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _load_yaml(path: Path) -> Any:
    import yaml

    with path.open("rb") as file:
        return yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (a safe one)


def _load_toml(path: Path) -> Any:
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))


def _load_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)


def _load_joblib(path: Path) -> Any:
    import joblib

    return joblib.load(path)


_LOADERS: dict[str, Callable[[Path], Any]] = {
    "json": _load_json,
    "yaml": _load_yaml,
    "toml": _load_toml,
    "pickle": _load_pickle,
    "joblib": _load_joblib,
}
_SUFFIXES = {
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".jbl": "joblib",
    ".joblib": "joblib",
}
_RUN_CODE = ("pickle", "joblib")
_NEEDS = {"yaml": ("yaml", "PyYAML"), "joblib": ("joblib", "joblib")}  # modules of extras, and what they are

Loader = Callable[[Path], Any]


def loader_of(source: Source, loader: str | Loader | None, trusted: bool) -> Loader:
    """Return what reads a file: the one that is given, or that of its suffix.

    Raises
    ------
    ValueError
        If there is none, or if it runs code of files that are not trusted.
    """
    if callable(loader):
        return loader
    kind = _SUFFIXES.get(source.path.suffix.lower()) if loader is None else loader
    if kind is None:
        raise ValueError(
            f"{str(source.path)!r} has the suffix {source.path.suffix!r}, which says nothing: say what it is "
            f"by `loader`, one of {', '.join(map(repr, _LOADERS))}, or give a function of the path that "
            "returns a dict"
        )
    if kind not in _LOADERS:
        raise ValueError(
            f"`loader` must be a function of a path, or one of {', '.join(map(repr, _LOADERS))}, "
            f"got {loader!r}{did_you_mean(kind, _LOADERS)}"
        )
    if kind in _RUN_CODE and not trusted:
        raise ValueError(
            f"{str(source.path)!r} is read by {kind}, which runs whatever code is in the file: say "
            "`trusted=True` if you trust whoever wrote it"
        )
    module, library = _NEEDS.get(kind, (None, None))
    if module is not None and find_spec(module) is None:
        raise ImportError(
            f"{str(source.path)!r} is read by {library}, which is not installed: it is the extra {kind!r}, "
            f"as in pip install 'domain-research[{kind}]'"
        )
    return _LOADERS[kind]


def load_all(
    sources: list[Source], loader: str | Loader | None, trusted: bool
) -> Iterator[tuple[Source, dict[str, Any]]]:
    """Walk files and their dicts, nested ones flattened to paths; without those of which a loader makes None.

    Raises
    ------
    FilesError
        If there are some that cannot be read; after the last.
    """
    loaders = [loader_of(source, loader, trusted) for source in sources]  # nothing runs before all are known
    problems: list[tuple[Source, Exception]] = []
    for source, load in zip(sources, loaders, strict=True):
        try:
            found = load(source.path)
            if found is None and callable(loader):
                continue
            values = _flattened(found)
        except Exception as error:
            problems.append((source, error))
        else:
            yield source, values
    if problems:
        source, first = problems[0]
        more = f"; nor can {len(problems) - 1} more" if len(problems) > 1 else ""
        raise FilesError(
            f"{str(source.path)!r} cannot be read: {type(first).__name__}: {first}{more}; to leave such "
            "files out, give a `loader` that returns None of them"
        ) from first


def _flattened(found: Any) -> dict[str, Any]:
    if not isinstance(found, Mapping):
        raise TypeError(
            f"a dict was expected, and it holds {type(found).__name__}: a `loader` can make one of it"
        )
    values: dict[str, Any] = {}
    for path, value in flatten((_name(key), value) for key, value in found.items()):
        if path in values:
            raise ValueError(f"{path!r} is given twice")
        values[path] = value
    return values


def _name(key: Any) -> str:
    """Return the name of a parameter or variable."""
    return str(key) if is_path(str(key)) else "/".join(part or "_" for part in str(key).split("/"))
