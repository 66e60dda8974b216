"""Files of parameters: Python that says which configs there are."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

from research.domain.domain import Domain
from research.domain.parameters import is_dataclass
from research.errors import ParametersError, did_you_mean

EXPECTED = (
    "a file of parameters defines get_params(), which returns a list of dicts or dataclasses, or a Domain; "
    "or it has one as `domain`"
)
_MOST_NAMED = 1_000_000  # configs that are looked at one by one


def load_domain(
    *files: str | os.PathLike[str],
    names: str | Iterable[str] | None = None,
    indices: Any = None,
    global_indices: Any = None,
) -> Domain:
    """Return the configs that files of parameters give, those of several files one after another.

    Such a file is Python, and is run. It defines `get_params()`, which returns a list of dicts or of
    dataclasses, or a Domain; or it has one as `domain`. It can import what lies in the present directory, and
    beside it.

    Parameters
    ----------
    *files : str or path
        The suffix `.py` can be left out.
    names : str or list of str, optional
        Only configs whose parameter `name` is one of these; `*` stands for any characters, `?` for one.
    indices : int, str, range, slice or list of them, or dict, optional
        Only these of each file, counted from 0. In a str `'0-2,5'` the last one counts, too; `'0:2'` is a
        slice. A dict gives some of the files theirs.
    global_indices : int, str, range, slice or list of them, optional
        Only these of all files together, as far as `indices` has left them. `names` come last.

    Returns
    -------
    Domain

    Raises
    ------
    ParametersError
        If a file cannot be run, or gives no configs; names the file and what was expected. If there is no
        such name or index.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from research import load_domain
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, 'seeds.py')
    ...     _ = file.write_text("def get_params(): return [{'name': f'seed{i}'} for i in range(5)]")
    ...     [config['name'] for config in load_domain(file, indices='0-2')]
    ['seed0', 'seed1', 'seed2']
    """
    if not files:
        raise TypeError("`load_domain` needs a file: load_domain('params/first.py')")
    paths = [_find(file) for file in files]
    given = _by_file(files, indices)
    parts = []
    for path, own in zip(paths, given, strict=True):
        domain = _domain_of(path)
        parts.append(domain if own is None else _cut(domain, own, f"`indices` of {str(path)!r}"))
    domain = parts[0] if len(parts) == 1 else sum(parts, Domain())
    if global_indices is not None:
        domain = _cut(domain, global_indices, "`global_indices`")
    return domain if names is None else _named(domain, names)


def _by_file(files: Iterable[Any], indices: Any) -> list[Any]:
    """Return for each file which of its configs are wanted; None: all."""
    known = [str(Path(file)) for file in files]
    if not isinstance(indices, Mapping):
        return [indices for _ in known]
    wanted = {str(Path(file)): own for file, own in indices.items()}
    for file in wanted:
        if file not in known:
            raise ParametersError(f"`indices` has {file!r}, which is not loaded{did_you_mean(file, known)}")
    return [wanted.get(file) for file in known]


def _find(file: Any) -> Path:
    path = Path(file)
    if not path.suffix and not path.exists():
        path = path.with_name(f"{path.name}.py")
    if not path.is_file():
        near = [item.name for item in path.parent.glob("*.py")] if path.parent.is_dir() else []
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ParametersError(f"the file of parameters {str(path)!r} {what}{did_you_mean(path.name, near)}")
    if path.suffix != ".py":
        raise ParametersError(f"{str(path)!r} is no Python file: {EXPECTED}")
    return path


def _domain_of(path: Path) -> Domain:
    with _importing(path):
        try:
            module = _run(path)
        except (Exception, SystemExit) as error:  # it is the user's code
            raise ParametersError(
                f"{str(path)!r} cannot be loaded: {_describe(error, path)}; {EXPECTED}"
            ) from error
        found, what = getattr(module, "domain", None), "`domain`"
        if hasattr(module, "get_params"):
            what = "get_params()"
            if not callable(module.get_params):
                raise ParametersError(f"`get_params` of {str(path)!r} is no function: {EXPECTED}")
            try:
                found = module.get_params()
            except (Exception, SystemExit) as error:
                raise ParametersError(
                    f"get_params() of {str(path)!r} raised {_describe(error, path)}"
                ) from error
        elif not hasattr(module, "domain"):
            near = [name for name in vars(module) if not name.startswith("_")]
            hint = did_you_mean("get_params", near)
            raise ParametersError(
                f"{str(path)!r} has neither get_params() nor `domain`{hint if 'mean' in hint else ''}: "
                f"{EXPECTED}"
            )
        domain = as_domain(found, what, path)
        if not domain:
            raise ParametersError(f"{what} of {str(path)!r} gives no configs: {EXPECTED}")
        return domain


def as_domain(found: Any, what: str, path: Path) -> Domain:
    """Return what a file holds as a domain; `what` it is called there."""
    if isinstance(found, Domain):
        return found
    try:
        if isinstance(found, Mapping) and what == "`domain`":
            return Domain(found)
        is_one = isinstance(found, Mapping | str | bytes) or is_dataclass(found)
        if is_one or not isinstance(found, Iterable):
            hint = ": a list was expected, [params]" if is_one and not isinstance(found, str | bytes) else ""
            raise TypeError(f"it is {type(found).__name__} {found!r}{hint}")
        return Domain.from_configs(found)
    except (TypeError, ValueError) as error:
        raise ParametersError(f"{what} of {str(path)!r} makes no domain: {error}; {EXPECTED}") from error


def _describe(error: BaseException, path: Path) -> str:
    """Return an error with the last line of the file that it came through."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path.absolute())
    ]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    return f"{type(error).__name__}: {error}{'' if line is None else f' (line {line})'}"


@contextmanager
def _importing(path: Path) -> Iterator[None]:
    """Let a file import what lies in the present directory, and beside it."""
    first, last = str(Path.cwd()), str(path.absolute().parent)
    sys.path.insert(0, first)
    sys.path.append(last)
    try:
        yield
    finally:  # (the file itself may have added others)
        sys.path.remove(first)
        sys.path.reverse()
        if last in sys.path:
            sys.path.remove(last)
        sys.path.reverse()


def _run(path: Path) -> ModuleType:
    """Run a file anew, as the module that it would be imported as from the present directory."""
    place = path.absolute()
    name = _module_name(place)
    spec = spec_from_file_location(name, place)
    if spec is None:  # not of a file whose name ends in .py
        raise ImportError(f"{place} cannot be imported")
    module = module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        # (the import system would take what it has compiled for a file of the same second and size)
        exec(compile(place.read_bytes(), str(place), "exec"), vars(module))  # noqa: S102
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _module_name(place: Path) -> str:
    """Return a name that does not depend on where the project is, and takes no other module's."""
    cwd = Path.cwd()
    parts = place.with_suffix("").relative_to(cwd).parts if place.is_relative_to(cwd) else (place.stem,)
    name = ".".join(parts) if all(part.isidentifier() for part in parts) else place.stem
    known = sys.modules.get(name)
    if name in sys.stdlib_module_names or (
        known is not None and getattr(known, "__file__", None) != str(place)
    ):
        return f"parameters_of_{name.replace('.', '_')}"
    return name


def _cut(domain: Domain, wanted: Any, what: str) -> Domain:
    """Return some configs of a domain by their indices."""
    length = domain.count()
    ranges = list(_ranges(wanted, length, what))
    if len(ranges) > 1:
        if sum(map(len, ranges)) > _MOST_NAMED:
            raise ParametersError(f"{what} are more than a million in several parts: ask for one range")
        ranges = list(_runs(dict.fromkeys(chain.from_iterable(ranges))))
    return sum((domain[part.start : part.stop : part.step] for part in ranges if part), Domain())


def _ranges(wanted: Any, length: int | None, what: str) -> Iterator[range]:
    if isinstance(wanted, str):
        for text in wanted.split(","):
            yield from _ranges(_parse(text.strip(), what), length, what)
    elif isinstance(wanted, slice):
        yield from _forward(_of_slice(wanted, length, what), what)
    elif isinstance(wanted, range):
        if wanted and min(wanted[0], wanted[-1]) < 0:
            raise ParametersError(f"{what}: a range counts from 0, got {wanted}")
        for end in (*wanted[:1], *wanted[-1:]):
            _place(end, length, what)
        yield from _forward(wanted, what)
    elif hasattr(wanted, "__index__") and not isinstance(wanted, bool):
        number = _place(wanted.__index__(), length, what)
        yield range(number, number + 1)
    elif isinstance(wanted, Iterable) and not isinstance(wanted, Mapping | bytes):
        for item in wanted:
            yield from _ranges(item, length, what)
    else:
        raise ParametersError(
            f"{what} must be an int, a text such as '0-2,5', a range, a slice or a list of them, "
            f"got {wanted!r}"
        )


def _of_slice(wanted: slice, length: int | None, what: str) -> range:
    if wanted.step == 0:
        raise ParametersError(f"{what}: the step of {wanted} must not be 0")
    if length is not None:
        return range(*wanted.indices(length))
    start, step = wanted.start or 0, 1 if wanted.step is None else wanted.step
    if wanted.stop is None or min(start, wanted.stop, step) < 0:
        raise ParametersError(f"{what}: of an endless domain say from where to where, got {wanted}")
    return range(start, wanted.stop, step)


def _forward(found: range, what: str) -> Iterator[range]:
    """Walk a range in parts that are slices, too."""
    if found.step > 0:
        yield found
        return
    if len(found) > _MOST_NAMED:
        raise ParametersError(f"{what} are more than a million backwards: ask for a range that goes forward")
    yield from (range(number, number + 1) for number in found)


def _parse(text: str, what: str) -> int | range | slice:
    try:
        if ":" in text:
            return slice(*(int(part) if part.strip() else None for part in text.split(":")))
        first, dash, last = text.partition("-")
        if not (dash and first):
            return int(text)
        numbers = range(int(first), int(last) + 1)
    except (TypeError, ValueError):
        raise ParametersError(f"{what}: {text!r} is no index, and no range as '0-2' or '0:3' are") from None
    if not numbers:
        raise ParametersError(f"{what}: {text!r} ends before it begins")
    return numbers


def _place(number: int, length: int | None, what: str) -> int:
    if length is None and number >= 0:
        return number
    if length is None or not -length <= number < length:
        known = "endlessly many" if length is None else f"{length}, from 0 to {length - 1}"
        raise ParametersError(f"{what}: there is no config number {number}, there are {known}")
    return number % length


def _runs(numbers: Iterable[int]) -> Iterator[range]:
    """Join indices that follow each other."""
    run = range(0)
    for number in numbers:
        if run and number == run.stop:
            run = range(run.start, number + 1)
            continue
        yield run
        run = range(number, number + 1)
    yield run


def _named(domain: Domain, names: str | Iterable[str]) -> Domain:
    """Return the configs of some names."""
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if not isinstance(name, str):
            raise ParametersError(f"`names` must be a str or a list of str, got {name!r}")
    length = domain.count()
    if length is None or length > _MOST_NAMED:
        size = "endless" if length is None else f"of {length} configs"
        raise ParametersError(
            f"`names` are looked for one by one, which takes too long: the domain is {size}"
        )
    places: dict[str, list[int]] = {}
    for number, config in enumerate(domain):
        if "name" in config:
            places.setdefault(str(config["name"]), []).append(number)
    chosen: set[int] = set()
    for name in wanted:
        found = [place for known, own in places.items() if fnmatchcase(known, name) for place in own]
        if not found:
            raise ParametersError(f"no config is named {name!r}{did_you_mean(name, places)}")
        chosen.update(found)
    return sum((domain[run.start : run.stop] for run in _runs(sorted(chosen)) if run), Domain())
