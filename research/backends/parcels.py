"""What another interpreter has to be told to be a worker, as bytes that nobody on the way looks into."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from research.backends.base import Blueprint, WorkerSpec
from research.backends.limits import Limits
from research.domain.hashing import main_name, set_main_name
from research.errors import StudyError


class Parcel(NamedTuple):
    """A blueprint on its way.

    What users have defined is in `study` and `specs`, by dill: who only passes a parcel on runs none of it.
    """

    study: bytes  # the name of the main module, and a Blueprint
    specs: bytes  # a WorkerSpec for each worker
    limits: Limits
    captures: tuple[bool, bool]
    folder: Path | None = None  # in place of the blueprint's, on a machine that does not have that
    devices: tuple[tuple[str | None, ...], ...] | None = (
        None  # of each branch, in place of those of the specs
    )

    def only(self, spec: WorkerSpec) -> Parcel:
        """Return a parcel for one worker; what is large, all have in common."""
        from research.experiment.pickling import dumps

        return self._replace(specs=dumps((spec,)))

    @classmethod
    def pack(cls, blueprint: Blueprint, specs: Sequence[WorkerSpec]) -> Parcel:
        """Pickle all of it.

        Raises
        ------
        StudyError
            If it cannot be pickled.
        """
        from research.experiment.pickling import dumps

        try:
            study, pickled = dumps((main_name(), blueprint)), dumps(tuple(specs))
        except Exception as error:  # pickling runs code of users
            raise StudyError(
                f"the study cannot be sent to new processes: {type(error).__name__}: {error}; "
                "define it without what cannot be pickled, or use start_method='fork', on this machine"
            ) from error
        return cls(study, pickled, blueprint.limits, blueprint.captures)

    @property
    def message(self) -> bytes:
        """All of it, for `unpack`."""
        return pickle.dumps(self, protocol=5)

    def unpack(self, worker: int) -> tuple[Blueprint, WorkerSpec]:
        """Return what a worker needs; in the process that is one."""
        import dill

        name, blueprint = dill.loads(self.study)
        set_main_name(name)
        spec = dill.loads(self.specs)[worker]
        if self.devices is not None:
            spec = spec._replace(devices=self.devices)
        if self.folder is not None:
            blueprint = blueprint._replace(folder=self.folder, keeps_objects=False)
        return blueprint, spec


def pickled_domain(domain: object) -> bytes:
    """Return a domain that replaces another as bytes, also if it is that already.

    Raises
    ------
    StudyError
        If it holds what not even dill can pickle.
    """
    from research.experiment.pickling import dumps

    if isinstance(domain, bytes):
        return domain
    try:
        return dumps(domain)
    except Exception as error:  # pickling runs code of users
        raise StudyError(
            f"the domain that replaces another cannot be sent to workers ({type(error).__name__}: {error}); "
            "give them values that can be pickled, or run with parallel=False"
        ) from error
