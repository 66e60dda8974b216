"""Experiments as jobs for a machine without this library: a folder for each, with a script in it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from research.domain import Config
from research.domain.identity import experiment_bytes
from research.errors import StudyError, did_you_mean
from research.experiment.experiment import Experiment
from research.experiment.placeholders import CONFIG_FILE, OWN, config_text
from research.experiment.programs import CommandUnit
from research.experiment.rendering import Filled, Templates, TemplatesUnit, names_for
from research.experiment.units import Unit

SCRIPT = "run.sh"
RESULT = "result.json"  # where a result is looked for, if it is not said where it is
STATUS, STARTED = "status", "started"
LIST, JOBS, JOB, NOTES = "jobs.txt", "jobs", "job.sh", "batch.json"
_OF_JOBS = (CONFIG_FILE, STATUS, STARTED, "stdout.txt", "stderr.txt", "reports.jsonl")
_OF_BATCHES = (LIST, JOBS, NOTES)
_GIVEN = ("name", "n_jobs", "jobs")


class JobRun:
    """An experiment, as its placeholders see it when it is to run elsewhere.

    Parameters
    ----------
    id : str
    config : Config
    full_config : Config
        With what the study adds.
    seed : int
        The study's.
    """

    iteration = 0
    folder = Path()

    def __init__(self, id: str, config: Config, full_config: Config, seed: int) -> None:  # noqa: A002
        self.id, self.config, self.full_config, self._seed = id, config, full_config, seed
        self.own_names = {
            **OWN,
            "folder": lambda run: ".",  # where its script runs
            "config_file": lambda run: CONFIG_FILE,
            "python": lambda run: "python3",
        }

    def seed_bytes(self, purpose: str, n_bytes: int) -> bytes:
        """Return what `RunningExperiment.seed_bytes` does."""
        return experiment_bytes(self._seed, f"{self.id}|{purpose}", n_bytes)


@dataclass(frozen=True, slots=True)
class Jobs:
    """What is in the folders of jobs.

    Parameters
    ----------
    templates : tuple of Templates
    commands : tuple of CommandUnit
        What their script runs; none if it is a template.
    """

    templates: tuple[Templates, ...]
    commands: tuple[CommandUnit, ...]

    @classmethod
    def of(cls, experiment: Experiment, folder: Any) -> Jobs:
        """Return the jobs of an experiment, with more templates from a folder, if there are any.

        Raises
        ------
        StudyError
            If there is nothing that runs without this library.
        """
        given = () if folder is None else (Templates.read(folder, "templates", _OF_JOBS),)
        if any(file.target == SCRIPT for templates in given for file in templates.files):
            return cls(given, ())
        units = list(experiment.units.values())
        commands = tuple(unit for unit in units if isinstance(unit, CommandUnit))
        for unit in units:
            _refuse_what_needs_python(unit)
        if not commands:
            raise StudyError(
                f"there is nothing to run: add_command(…), or a template {SCRIPT!r}, is what jobs run"
            )
        for name in [unit.name for unit in commands[:-1] if unit.parse is not False] + [
            *experiment.instances
        ]:
            raise StudyError(
                f"{name!r} cannot go into a job: results are those of the last command, others have "
                f"`parse=False`; a template {SCRIPT!r} can do anything"
            )
        own = tuple(unit.templates for unit in units if isinstance(unit, TemplatesUnit))
        targets = [file.target for templates in (*own, *given) for file in templates.files]
        twice = next((target for target in targets if targets.count(target) > 1), None)
        if twice is not None:
            raise StudyError(f"{twice!r} would be made of two templates: give one of them another name")
        return cls((*own, *given), commands)

    def files(self, run: JobRun) -> Iterator[Filled]:
        """Walk the files of a job."""
        yield Filled(CONFIG_FILE, config_text(run.config).encode(), 0o644)
        for templates in self.templates:
            names = names_for(run, templates.names(), f"a template in {templates.folder!r}")
            yield from templates.fill(names)
        if self.commands:
            yield Filled(SCRIPT, self._script(run).encode("utf-8", "surrogateescape"), 0o755)

    def result(self, run: JobRun) -> str | None:
        """Return the path of the result, relative to the job's folder; None if it is to be looked for."""
        return self.commands[-1].result_path(run) if self.commands else None

    def _script(self, run: JobRun) -> str:
        lines = ["#!/bin/sh", "set -e"]
        for unit in self.commands:
            line = " ".join(
                [
                    *(f"{name}={shlex.quote(value)}" for name, value in unit.filled_environment(run)),
                    *([] if unit.timeout is None else ["timeout", f"{unit.timeout:g}"]),
                    shlex.join(unit.filled_words(run)),
                ]
            )
            folder = unit.filled_folder(run)
            lines.append(line if folder is None else f"(cd {shlex.quote(folder)} && {line})")
        return "\n".join([*lines, ""])


def _refuse_what_needs_python(unit: Unit) -> None:
    if not isinstance(unit, CommandUnit | TemplatesUnit):
        raise StudyError(
            f"the unit {unit.name!r} is run by this library, which is not where jobs run: a template "
            f"{SCRIPT!r} says what they run in its place"
        )
    if not unit.when.always:
        raise StudyError(f"the unit {unit.name!r} has a `when`, and a job has one iteration")
    if isinstance(unit, CommandUnit) and (callable(unit.parse) or unit.save_to is not None):
        raise StudyError(
            f"the unit {unit.name!r} has a function `parse` or a `save_to`: results of jobs are JSON in a "
            "file, on the last line, or reported, each item a variable"
        )


def read_machine(machine: Any, settings: Mapping[str, Any]) -> Templates:
    """Return the templates of a machine: of a bundled one, or in a folder.

    Raises
    ------
    TypeError, ValueError
        If there is none, or it has no use for a setting.
    """
    if not isinstance(machine, str | os.PathLike):
        raise TypeError(f"`machine` must be a name or the path of a folder, got {machine!r}")
    bundled = {item.name: item for item in files("research").joinpath("machines").iterdir() if item.is_dir()}
    folder = Path(str(bundled.get(os.fsdecode(machine), os.fsdecode(machine))))
    if not folder.is_dir():
        raise ValueError(
            f"`machine` must be one of {sorted(bundled)} or the path of a folder with templates, got "
            f"{os.fsdecode(machine)!r}{did_you_mean(os.fsdecode(machine), bundled)}"
        )
    templates = Templates.read(folder, "machine", _OF_BATCHES)
    if not any(file.target == "submit.sh" for file in templates.files):
        raise ValueError(f"`machine={str(folder)!r}` must hold a template 'submit.sh.j2'")
    names = templates.names() - set(_GIVEN)
    for name in settings:
        if name not in names:
            raise ValueError(
                f"the machine {str(machine)!r} has no setting {name!r}{did_you_mean(name, names)}"
            )
    return templates


def job_script() -> bytes:
    """Return the script that runs one job."""
    return files("research").joinpath("machines", JOB).read_bytes()
