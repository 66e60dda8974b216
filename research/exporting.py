"""A study as a batch of jobs for a machine without this library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.definition import check_definition
from research.domain import Domain
from research.errors import StudyError, StudyExistsError
from research.experiment.experiment import Experiment
from research.monitoring.invocation import this_run
from research.storage.folder import NewFolder
from research.storage.places import FolderPlace, Place
from research.storage.servers import Storage
from research.updating import Update
from samplers import make_seed

if TYPE_CHECKING:
    from research.conducting import Definition


class Exporting:
    """`export_batch` of a study."""

    name: str
    domain: Domain
    experiment: Experiment
    _place: Place | None
    storage: Storage | None

    def _definition(self, name: str) -> Definition:
        raise NotImplementedError

    def _all_updates(self) -> list[Update]:
        raise NotImplementedError

    def export_batch(
        self,
        templates: str | os.PathLike[str] | None = None,
        machine: str | os.PathLike[str] = "local",
        into: str | os.PathLike[str] | None = None,
        *,
        seed: Any = None,
        note: str | None = None,
        **settings: Any,
    ) -> Path:
        """Write the experiments as job folders, for a machine that has no such library.

        Each gets `jobs/<id>` with its config, `config.json`, its templates, and the script `run.sh`, made
        from the commands of the study, or one of the templates. `submit.sh` runs them all. What they find out
        is JSON in `result.json` or in the file that `parse` names, lines appended to `reports.jsonl` (as
        `research.report` does), or JSON on the last line that they print; `ResearchResults.import_batch`
        brings it back. The study is begun, and all of its experiments are queued in it.

        Parameters
        ----------
        templates : path, optional
            A folder; its files go to each job as `add_templates` has them. In commands and templates `folder`
            is `.`, since a job runs in its folder, and `python` is `python3`.
        machine : 'local', 'slurm' or path, default 'local'
            What `submit.sh` is for; or a folder with a template of it, `submit.sh.j2`, which sees `name`,
            `n_jobs`, `jobs` (names of folders) and settings.
        into : path, optional
            The folder of the batch. Default: `<name>-batch`.
        seed, note
            As in `run`.
        **settings
            For the machine: `parallel`; with Slurm also `time`, `partition`, `account`, `cpus_per_task`,
            `mem` and `gres`.

        Returns
        -------
        Path
            The folder of the batch. It can be moved anywhere, and is edited as one likes.

        Raises
        ------
        StudyExistsError
            If there is something where the study, or the batch, is to be.
        StudyError
            If there is something that only this library can run, or a folder cannot be written.
        ValueError, TypeError
            If an argument, a unit or the domain makes no sense; nothing is written then.
        TemplateError
            If a template has an error.
        ImportError
            If Jinja2 is not installed.

        Examples
        --------
        >>> import subprocess
        >>> from tempfile import TemporaryDirectory
        >>> from research import Domain, Research, ResearchResults
        >>> with TemporaryDirectory() as top:
        ...     study = Research(f'{top}/study', Domain(x=[1, 2])).add_command(['echo', '{{"y": {x}}}'])
        ...     batch = study.export_batch()
        ...     _ = subprocess.run(['sh', batch / 'submit.sh'], check=True)
        ...     ResearchResults.import_batch(batch).df['y'].tolist()
        [1, 2]
        """
        from research.batches import Batch  # what runs a study is not needed to define one
        from research.experiment.jobs import Jobs, read_machine

        if self.storage is not None:
            raise StudyError(
                "a batch is begun in the study's folder, and this study is kept in a database: export it "
                "from a Research without `storage`"
            )
        if self._all_updates():
            raise StudyError(
                "functions that update the domain need results, which a batch has only when all of it has "
                "been run: export the domain that there is from a study without them"
            )
        check_definition(self.domain, self.experiment, {})
        begun = this_run(note)
        jobs = Jobs.of(self.experiment, templates)
        machine_files = read_machine(machine, settings)
        definition = self._definition(self.name)
        own_seed = make_seed(seed)
        if definition.walk(own_seed).size is None:
            raise ValueError("the domain has no end: say how many configs a batch has, by `n_configs`")
        target = Path(f"{self.name}-batch" if into is None else os.fsdecode(into)).absolute()
        if os.path.lexists(target):
            raise StudyExistsError(f"{str(target)!r} exists already: give another `into`")
        with NewFolder(self.name) as folder:
            if target.is_relative_to(folder.path):
                raise ValueError(f"`into` must not be in the study's own folder, got {str(target)!r}")
            Batch(definition, own_seed, jobs, begun).write(folder, target, machine_files, settings)
            self._place = FolderPlace(folder.path)
        return target
