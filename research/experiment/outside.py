"""The methods by which users add what runs outside of Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from research.experiment.saving import checked_save_to
from research.experiment.schedule import parse_dump, parse_when

if TYPE_CHECKING:
    from research.experiment.programs import Finished


class Outside:
    """`add_command` and `add_templates` of an experiment."""

    def _description(self) -> Any:
        raise NotImplementedError

    def add_command(
        self,
        command: str | Sequence[str | os.PathLike[str]],
        parse: str | os.PathLike[str] | Callable[[Finished], Any] | bool | None = None,
        *,
        name: str = "command",
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        shell: bool = False,
        timeout: float | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Add an external program, which is run once for each experiment, in a process of its own.

        Parameters
        ----------
        command : str or list of str
            The command line. It is split into words as a shell does, and then each word filled in, so that no
            value is ever taken for more than a word, or for a part of one. Placeholders are parameters,
            `{lr}`, `{model/depth}`, also with a format, `{lr:.3f}`, and what the study knows: `{id}`,
            `{iteration}`, `{repetition}`, `{updates}`, `{device}`, `{folder}` (the experiment's), `{config}`
            (all of it as JSON), `{config_file}` (the same in a file of that folder), `{random_seed}` (31 bits
            from the experiment's own stream) and `{python}` (this interpreter). Other braces are written
            twice.
        parse : path, callable, None or False
            Where the result is: in a file of JSON, a path in the experiment's folder, which may have
            placeholders; or what a function returns that gets a `Finished`. By default it is what the program
            has reported by `research.report`, and if that is nothing, JSON on the last line of its stdout.
            False: there is none.
        name : str, default 'command'
            Name of the unit; `O(name)` is the result.
        when, dump
            As in `add_callable`.
        save_to : str or list of str, optional
            Variables for the result. By default it is a dict, each of whose items is a variable.
        shell : bool, default False
            Let `/bin/sh` run it, with its pipes and variables. Values are arguments of the script there,
            never parts of it.
        timeout : float, optional
            Seconds that it may take. Then it gets SIGTERM, with all that it has started, and SIGKILL 5
            seconds later.
        cwd : str or path, optional
            Where it runs; may have placeholders. Default: where the study does.
        env : dict of str, optional
            More variables of its environment; values may have placeholders.

        Raises
        ------
        ValueError, TypeError
            If an argument means nothing, or a placeholder is no parameter.

        Examples
        --------
        >>> from research import Domain, Research
        >>> study = Research(domain=Domain(x=[3, 4])).add_command(['echo', '{{"y": {x}}}'])
        >>> study.run(dump_results=False, bar=False).results.df['y'].tolist()
        [3, 4]
        """
        from research.experiment.programs import (  # most studies start none
            CommandUnit,
            check_command,
            check_environment,
            check_parse,
            check_seconds,
        )

        if not isinstance(name, str) or not name:
            raise TypeError(f"`name` must be a str, got {name!r}")
        unit = CommandUnit(
            name,
            parse_when(when),
            False,
            parse_dump(dump),
            check_command(command, shell),
            check_parse(parse),
            checked_save_to(save_to, False),
            shell,
            check_seconds(timeout),
            None if cwd is None else os.fsdecode(cwd),
            check_environment(env),
        )
        unit.validate()
        self._description().add_unit(unit)
        return self

    def add_templates(
        self, folder: str | os.PathLike[str], *, name: str = "templates", when: Any = 1, dump: Any = None
    ) -> Self:
        """Add files that are made for each experiment, in its folder, for programs that come after.

        Files that end in `.j2`, `.jinja` or `.jinja2` are templates of Jinja2, and are filled in and named
        without that; others are copied. They are read now, so that the whole study has the same.

        Parameters
        ----------
        folder : str or path
            Folders in it are kept. Templates see parameters, `{{ lr }}`, groups of them, `{{ model.depth }}`,
            and what the study knows, named as in `add_command`.
        name : str, default 'templates'
            Name of the unit; `O(name)` is a list of the files.
        when, dump
            As in `add_callable`.

        Raises
        ------
        TypeError, ValueError
            If there is no folder, or nothing in it, or a file has a name that is taken.
        TemplateError
            If a template has an error; names the file and the line. So does, when an experiment runs, a name
            that is not defined, with near matches.
        ImportError
            If Jinja2 is not installed.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from research import Domain, Research
        >>> with TemporaryDirectory() as top:
        ...     _ = Path(top, 'settings.json.j2').write_text('{"rate": {{ lr / 2 }}}')
        ...     study = Research(domain=Domain(lr=[0.1])).add_templates(top)
        ...     study = study.add_command('cat {folder}/settings.json')
        ...     study.run(dump_results=False, bar=False).results.df['rate'].tolist()
        [0.05]
        """
        from research.experiment.rendering import Templates, TemplatesUnit

        if not isinstance(name, str) or not name:
            raise TypeError(f"`name` must be a str, got {name!r}")
        templates = Templates.read(folder, "folder")
        unit = TemplatesUnit(name, parse_when(when), False, parse_dump(dump), templates)
        self._description().add_unit(unit)
        return self
