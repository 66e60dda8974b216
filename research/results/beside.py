"""What is kept of a study beside values: files, what was printed, and its surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.results.outputs import kept_files, read_log, read_surroundings
from research.results.reads import Reads
from research.results.selection import select
from research.storage.places import Place

if TYPE_CHECKING:
    import pandas as pd  # takes a tenth of a second: only those who ask for a table pay


class Beside(Reads):
    """`artifacts_to_df`, `log` and `env_meta` of results."""

    _folder: Path | None
    _place: Place | None
    _env_meta: Mapping[str, str] | None

    def artifacts_to_df(
        self,
        include_config: bool = True,
        use_alias: bool = False,
        concat_config: bool = False,
        remove_auxilary: bool = True,
        drop_columns: bool = True,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return the files that units wrote under `EP()`, one row per file. No file is opened.

        What they printed is no part of it: see `log`.

        Parameters
        ----------
        include_config, use_alias, concat_config, remove_auxilary, drop_columns
            As in `to_df`.
        **filters
            As in `to_df`, but that `name` is one or a list of names of files, and there are no `iterations`.
            Of the filters of `load`, those of experiments hold.

        Returns
        -------
        pandas.DataFrame
            First `id`, then parameters, then `path` (relative to the study's folder), `name` (relative to the
            experiment's), `size` in bytes and `modified` in seconds since the epoch; with an underscore
            where a parameter is called so. By experiment, then by name. A study in memory has no files; of
            one in a database those in its folder on this machine are shown.

        Raises
        ------
        ValueError, TypeError
            As in `to_df`; `iterations` is a ValueError.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from research import EC, EP, Domain, Research
        >>> def note(folder, a):
        ...     return (folder / 'note.txt').write_text('a' * a)
        >>> with TemporaryDirectory() as parent:
        ...     study = Research(f'{parent}/notes', Domain(a=[1, 20]))
        ...     study = study.add_callable('note', note, folder=EP(), a=EC('a')).run(bar=False)
        ...     study.results.artifacts_to_df()[['a', 'name', 'size']]
            a      name  size
        0   1  note.txt     1
        1  20  note.txt    20
        """
        from research.results.artifacts import artifacts_frame
        from research.results.frames import head_frame

        if filters.get("iterations") is not None:
            raise ValueError("`iterations` is no filter of files: an experiment writes them at any time")
        names = select(0, name=filters.get("name")).variables
        experiments, _ = self._read(filters, values=False)
        top = None if self._place is None else self._place.folder
        head = head_frame(
            experiments, include_config, use_alias, concat_config, remove_auxilary, drop_columns
        )
        return artifacts_frame(top, experiments, head, names, kept_files(self.study.settings))

    def log(self, experiment_id: str, stream: str | None = None) -> str:
        r"""Return what an experiment has printed so far.

        Parameters
        ----------
        experiment_id : str
            With or without a prefix.
        stream : 'stdout' or 'stderr', optional
            Default: both, stdout first.

        Returns
        -------
        str
            Bytes that are no UTF-8 are shown as `\xff`.

        Raises
        ------
        ValueError
            If there is no such experiment, or the study has not kept what its experiments print.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2])).add_callable('f', print, args=['a is', EC('a')])
        >>> results = study.run(dump_results=False, bar=False).results
        >>> [results.log(identity) for identity in results.configs]
        ['a is 1\n', 'a is 2\n']
        """
        return read_log(self._store, self._folder, experiment_id, stream)

    @property
    def runs(self) -> pd.DataFrame:
        """What is known of each call of `run`, in their order.

        Returns
        -------
        pandas.DataFrame
            Columns `started` (seconds since the epoch), `user`, `host`, `directory`, `command` (the line by
            which the process was started), `git_commit` (of the script's folder, with `-dirty` where files
            are others), `script` and `text` (its path and what was in it), `note` and `version` (of this
            library). What was not known is None: there is no script in a notebook, and no commit without git.

        Examples
        --------
        >>> from research import Research
        >>> study = Research().add_callable('f', lambda: 1, save_to='x')
        >>> study.run(dump_results=False, bar=False, note='a first try').results.runs['note'].tolist()
        ['a first try']
        """
        import pandas as pd

        from research.storage.base import Begun

        with self._reading():
            runs = self._store.read(lambda row: False, runs=True).runs
        return pd.DataFrame([list(run) for run in runs], columns=list(Begun._fields), dtype=object).astype(
            {"started": float}
        )

    def env_meta(self) -> dict[str, str]:
        """Return what is recorded of the surroundings in which the study was run.

        Returns
        -------
        dict of str to str
            Texts: `git_commit`, `git_status` and `git_diff` after `attach_git_meta` or `run(git_meta=True)`;
            `python`, `packages`, `platform` and `cpu`, and `gpus` and `conda` where there are any, after
            `attach_env_meta` or `run(env_meta=True)`. In the study's folder they are `env/<name>.txt`.
            Those of studies that were merged have their places in the list before them: `0/python`.
        """
        if self._place is None:
            return dict(self._env_meta or {})
        return read_surroundings(self._place)
