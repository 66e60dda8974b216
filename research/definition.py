"""The definition of a study: checked before it runs, and kept beside its results, to run it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from research.domain import Domain
from research.domain.config import AUXILIARY, flatten
from research.errors import StudyError, cannot_write
from research.experiment.experiment import RESERVED, Experiment
from research.experiment.pickling import dump, dumps
from research.storage.places import Place

if TYPE_CHECKING:
    from research.pruning.watch import Pruning

FILE = "research.dill"
LARGEST = 64 * 2**20  # bytes; data that a study holds by accident should not be copied with it


def check_definition(
    domain: Domain,
    experiment: Experiment,
    added: Mapping[str, Sequence[Mapping[str, Any]]],
    pruning: Pruning | None = None,
) -> None:
    """Refuse what could only go wrong once the study runs.

    Parameters
    ----------
    domain : Domain
    experiment : Experiment
    added : dict
        More parameters, as lists of dicts, by the argument of `run` that gives them.
    pruning : Pruning, optional

    Raises
    ------
    ValueError, UnstableValueError
        Names what makes no sense, and the way out.
    """
    for parameter in domain.names:
        _check_column(parameter, (*RESERVED, *AUXILIARY))
    owners = dict.fromkeys(domain.names, "the domain")
    for argument, configs in added.items():
        names = dict.fromkeys(path for config in configs for path, _ in flatten(config.items()))
        for parameter in names:
            _check_column(parameter, (*RESERVED, "repetition", "updates"))
            _check_free(parameter, argument, owners)
        owners.update(dict.fromkeys(names, f"`{argument}`"))
    if pruning is not None:
        pruning.check(domain.names)
    # a domain without configs has no parameters to compare with, and nothing runs
    experiment.check([*owners, *AUXILIARY] if domain else None)
    domain.check()


def _check_column(parameter: str, taken: Iterable[str]) -> None:
    if parameter in taken:
        raise ValueError(f"a parameter must not be named {parameter!r}: that is a column of every table")


def _check_free(parameter: str, argument: str, owners: Mapping[str, str]) -> None:
    for name, owner in owners.items():
        if name == parameter or name.startswith(f"{parameter}/") or parameter.startswith(f"{name}/"):
            where = "" if name == parameter else f" as {name!r}"
            raise ValueError(
                f"`{argument}` must not set the parameter {parameter!r}: {owner} does{where}; "
                "take it out of one of them, or give it another name"
            )


class _TooLarge(Exception):
    """The definition holds more data than is worth copying."""


class _Limited:
    """A file that refuses to grow beyond `LARGEST`."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > LARGEST:
            raise _TooLarge(f"it holds more than {LARGEST // 2**20} MiB of data")
        return int(self._file.write(data))


def save_definition(place: Place, definition: dict[str, Any]) -> str | None:
    """Write what `load_definition` reads.

    Returns
    -------
    str or None
        Why it could not be written: the study's results are complete without it.
    """
    limited = None
    try:
        with place.writing(FILE) as file:
            limited = _Limited(file)
            dump(definition, limited)
    except OSError as error:
        need = None if limited is None else limited.size
        raise cannot_write(place.folder / FILE, error, need) from error
    except StudyError:  # of a server
        raise
    except Exception as error:  # pickling runs code of users
        return f"{type(error).__name__}: {error}"
    return None


def save_domain(place: Place, generation: int, domain: Domain) -> None:
    """Write a domain that has replaced another to `domains/<generation>.dill`, if it can be pickled."""
    try:
        data = dumps(domain)
    except Exception:  # (pickling runs code of users) its text is in the log
        return
    name = _domain_file(generation)
    try:
        with place.writing(name) as file:
            file.write(data)
    except OSError as error:
        raise cannot_write(place.folder / name, error, len(data)) from error


def load_domain(place: Place, generation: int) -> Domain | None:
    """Read what `save_domain` wrote, which runs code of whoever wrote it; None if it wrote nothing."""
    import dill

    data = place.reading(_domain_file(generation))
    domain = None if data is None else dill.loads(data)
    return domain if isinstance(domain, Domain) else None


def _domain_file(generation: int) -> str:
    return f"domains/{generation}.dill"


def load_definition(place: Place) -> dict[str, Any] | None:
    """Read a study's definition, which runs code of whoever wrote it; None if there is none.

    Raises
    ------
    StudyNotFoundError
        If there is no such study.
    StudyError
        If the definition cannot be loaded.
    """
    place.check()
    data = place.reading(FILE)
    if data is None:
        return None
    import dill

    try:
        definition = dill.loads(data)
        if not isinstance(definition, dict):
            raise TypeError(f"it holds {type(definition).__name__}, not dict")
    except Exception as error:  # unpickling runs code of users
        raise StudyError(
            f"the definition of the study in {str(place)!r} cannot be loaded: {type(error).__name__}: "
            f"{error}; {place.reader} reads its results without it"
        ) from error
    return definition
