"""The folders of a batch, and the store of its study, in which everything is queued."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from research.codes import Codes
from research.conducting import Definition
from research.definition import save_definition
from research.domain import Config
from research.errors import cannot_write
from research.events import STOPPED, Member
from research.experiment.jobs import JOB, JOBS, LIST, NOTES, JobRun, Jobs, job_script
from research.experiment.program import Program
from research.experiment.rendering import Templates, write_filled
from research.experiment.versions import Version
from research.results.added import describe_added
from research.storage.base import Begun, Closed, Registered, Study
from research.storage.folder import NewFolder
from research.storage.opening import open_store
from research.storage.places import FolderPlace
from research.tasks import TaskSource
from research.version import __version__
from research.whole import temporary_name, write_whole


class Batch:
    """The experiments of a study, on their way to its store and to their folders.

    Parameters
    ----------
    definition : Definition
    seed : int
    jobs : Jobs
    begun : Begun
        Who exports it, and how.
    """

    def __init__(self, definition: Definition, seed: int, jobs: Jobs, begun: Begun) -> None:
        self._definition = definition
        self._seed = seed
        self._jobs = jobs
        self._begun = begun
        self._codes = Codes.of_new(Version.of(definition.experiment, None))

    def write(self, new: NewFolder, target: Path, machine: Templates, settings: dict[str, Any]) -> None:
        """Write the batch to `target`, where it appears when it is complete, and begin the study."""
        temporary = temporary_name(target)
        try:
            temporary.mkdir(parents=True)
            with ExitStack() as stack:
                store = open_store(new.path, stack, lambda text: None)
                store.begin(self._study())
                registered = []
                notes: dict[str, dict[str, Any]] = {}
                for item in self._walk():
                    registered.append(item)
                    notes[item.member.folder_name] = self._write_job(temporary / JOBS, item.member)
                if not notes:
                    raise ValueError("the domain has no configs: there is nothing to export")
                store.write([self._begun, *registered])
                store.write([Closed(time.time(), STOPPED, None)])
                save_definition(
                    FolderPlace(new.path), self._definition._asdict()
                )  # (results are complete without it)
            self._write_top(temporary, target, machine, settings, notes, new.path)
            temporary.rename(target)
            new.keep()
        except OSError as error:
            raise cannot_write(target, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _walk(self) -> Iterator[Registered]:
        definition = self._definition
        walk = definition.walk(self._seed)
        source = TaskSource(
            definition.domain, walk, self._seed, n_digits=definition.domain.n_digits, code=self._codes.id
        )
        for _ in source:
            yield from source.take_registered()

    def _write_job(self, top: Path, member: Member) -> dict[str, Any]:
        """Write the folder of a job; return what `import_batch` has to know of it."""
        domain = self._definition.domain
        values = domain.point(member.key, domain.stream(self._seed, 0), member.pass_, member.places).values
        more = {"repetition": member.repetition, "updates": 0, "device": None}
        full_config = Config.of_items({**values, **more})
        run = JobRun(member.id, Config.of_items(values), full_config, self._seed)
        write_filled(top / member.folder_name, self._jobs.files(run))
        return {"id": member.id, "result": self._jobs.result(run)}

    def _write_top(
        self,
        folder: Path,
        target: Path,
        machine: Templates,
        settings: dict[str, Any],
        jobs: dict[str, dict[str, Any]],
        study: Path,
    ) -> None:
        """Write what is there once."""
        name = re.sub(r"[^\w.-]+", "_", Path(self._definition.name).name, flags=re.ASCII)
        write_whole(folder / JOB, job_script())
        given = {"name": name, "n_jobs": len(jobs), "jobs": list(jobs)}
        write_filled(folder, machine.fill({**given, **settings}))
        write_whole(folder / LIST, "".join(f"{job}\n" for job in jobs).encode())
        notes = {
            "study": os.path.relpath(study, target),
            "seed": str(self._seed),
            "version": __version__,
            "jobs": jobs,
        }
        write_whole(folder / NOTES, f"{json.dumps(notes, indent=1)}\n".encode())

    def _study(self) -> Study:
        definition = self._definition
        experiment, domain = definition.experiment, definition.domain
        described = {
            "parameters": list(domain.names),
            "variables": experiment.variables,
            "n_configs": definition.n_configs,
            "n_reps": definition.n_reps,
            "repeat_each": definition.repeat_each,
            "n_iters": Program.compile(experiment).n_iters,
            "workers": 1,
            "branches": 1,
            "profile": 0,
            "added": [describe_added((), (), [[[None]]], [[None]])],
            "redirect": [2, 2],  # each experiment has its log
            "seed_libraries": True,
            "defaults": {path: json.loads(text) for path, text in domain.default_texts.items()},
            "id_digits": domain.n_digits,
            "code": self._codes.settings,
        }
        return Study(definition.name, time.time(), self._seed, __version__, repr(domain), described)
