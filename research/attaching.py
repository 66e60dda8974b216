"""What is kept beside the results of a study: what it was run with."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, Self

from research.monitoring.environment import Meta, env_meta, git_meta, keep_meta
from research.monitoring.log import LOG, close_log, open_log
from research.storage.base import Store
from research.storage.places import Place


class Attaching:
    """The `attach_…` methods of a study."""

    _place: Place | None
    _memory: Store | None
    _waiting: Meta = Meta({})  # attached before a run
    _env: Mapping[str, str] = {}  # of a study in memory

    def attach_git_meta(self, cwd: str | os.PathLike[str] = ".") -> Self:
        """Record the state of a git repository: commit, status and diff.

        A study that has been run or was loaded gets it at once, another one when it is run. Without git, or
        where there is no repository, the log has a warning.

        Parameters
        ----------
        cwd : str or path, default '.'
            A folder in the repository.

        Returns
        -------
        Research
            This object; see `ResearchResults.env_meta`.

        Raises
        ------
        StudyError
            If the study's folder cannot be written.

        Examples
        --------
        >>> from research import Research
        >>> study = Research().add_callable('f', lambda: 1, save_to='x').attach_git_meta().attach_env_meta()
        >>> 'packages' in study.run(dump_results=False, bar=False).results.env_meta()
        True
        """
        if not isinstance(cwd, str | os.PathLike):
            raise TypeError(f"`cwd` must be a folder in the repository, got {type(cwd).__name__} {cwd!r}")
        return self._attach(git_meta(cwd))

    def attach_env_meta(self) -> Self:
        """Record Python, packages and their versions, platform, CPU, and GPUs where there is an nvidia-smi.

        A study that has been run or was loaded gets it at once, another one when it is run.

        Returns
        -------
        Research
            This object; see `ResearchResults.env_meta`.

        Raises
        ------
        StudyError
            If the study's folder cannot be written.

        Examples
        --------
        >>> from research import Research
        >>> study = Research().add_callable('f', lambda: 1, save_to='x').attach_env_meta()
        >>> meta = study.run(dump_results=False, bar=False).results.env_meta()
        >>> 'numpy==' in meta['packages']
        True
        """
        return self._attach(env_meta())

    def _attach(self, meta: Meta) -> Self:
        if self._place is not None:
            log = open_log(self._place.folder / LOG, logging.INFO)
            try:
                keep_meta(meta, self._place, log)
            finally:
                close_log(log)
        elif self._memory is not None:
            keep_meta(meta, None, open_log(None, logging.INFO))
            self._env = {**self._env, **meta.texts}
        else:
            self._waiting |= meta
        return self

    def _collect(self, git: Any, env: Any) -> Meta:
        """Return what a run is to keep: what was attached, and what its arguments ask for."""
        for name, value in (("git_meta", git), ("env_meta", env)):
            if not isinstance(value, bool):
                raise ValueError(f"`{name}` must be True or False, got {value!r}")
        meta = self._waiting
        if git:
            meta |= git_meta()
        return meta | env_meta() if env else meta
