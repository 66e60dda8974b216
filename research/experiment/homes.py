"""Where code belongs to: a library, or the package, or folder, of a user.

What belongs to a script is where its file is: the same script is `__main__` here and a module there.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from pathlib import Path
from typing import Any, TypeAlias

Homes: TypeAlias = frozenset[str] | None  # where code counts; None: wherever a user may have written some

OURS = ("research", "samplers")
_MAIN = ("__main__", "__mp_main__")


@functools.cache
def _library_folders() -> tuple[str, ...]:
    """Return where Python's own library is, and what belongs to an environment.

    They are the paths `stdlib` and `platstdlib` of `sysconfig`, which reads how Python was built to say so.
    """
    library = os.path.dirname(os.__file__)  # noqa: PTH120
    own = os.path.join(sys.exec_prefix, sys.platlibdir, os.path.basename(library))  # noqa: PTH118, PTH119
    return f"{library}{os.sep}", f"{own}{os.sep}"


@functools.cache
def _is_library(path: str) -> bool:
    parts = Path(path).parts
    return "site-packages" in parts or "dist-packages" in parts or path.startswith(_library_folders())


def _home_of_file(path: str) -> str:
    """Return the folder of the outermost package that a file is in, or its own if it is in none."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():  # a notebook, or the prompt
        return str(Path.cwd())
    while (folder / "__init__.py").is_file():
        folder = folder.parent
        if not (folder / "__init__.py").is_file():
            return str(folder / Path(path).absolute().relative_to(folder).parts[0])
    return str(folder)


@functools.cache
def _home_of_path(name: str, path: str) -> str | None:
    if name.split(".")[0] in OURS or _is_library(path):
        return None
    parts = name.split(".")
    folder = Path(path).absolute().parent
    depth = len(parts) - (1 if Path(path).name != "__init__.py" else 0)
    return str(folder if depth <= 1 else folder.parents[depth - 2])


def home_of_module(name: Any) -> str | None:
    """Return the folder of the package that a module is in, or its own; None of a library's."""
    if name in _MAIN:
        return _MAIN[0]
    module = sys.modules.get(name) if isinstance(name, str) else None
    path = None if module is None else vars(module).get("__file__")
    return _home_of_path(name, path) if isinstance(path, str) else None


def home_of(function: types.FunctionType) -> str | None:
    """Return where a function belongs to; None if it is a library's."""
    if _is_library(function.__code__.co_filename):  # one that was unpickled may say that it is another's
        return None
    return home_of_module(function.__globals__.get("__name__"))


def homes_of(function: types.FunctionType) -> frozenset[str]:
    """Return where something is to be followed to from a function; nowhere if that is a library's."""
    home = home_of(function)
    if home is None:
        return frozenset()
    if home == _MAIN[0]:
        return frozenset([home, *_with_folders(_home_of_file(function.__code__.co_filename))])
    return frozenset([home] if "." in function.__globals__["__name__"] else _with_folders(home))


def _with_folders(home: str) -> tuple[str, str]:
    """Return what stands for a folder and for all that are in it: packages beside a script."""
    return home, f"{home}{os.sep}"


def counts(home: str | None, homes: Homes) -> bool:
    """Whether what belongs somewhere is to be looked at."""
    if home is None or homes is None or home in homes:
        return home is not None
    return any(f"{home}{os.sep}".startswith(other) for other in homes if other.endswith(os.sep))


def find_module(name: str, homes: frozenset[str]) -> Path | None:
    """Return the file of a module, which need not have been imported, if it is one of those that count."""
    parts = name.split(".")
    for folder in dict.fromkeys(item for home in sorted(homes) for item in (Path(home), Path(home).parent)):
        path = folder.joinpath(*parts)
        for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if file.is_file() and counts(_home_of_path(name, str(file)), homes):
                return file
    return None
