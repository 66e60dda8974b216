"""What experiments were made of, and how each ended: what breeding asks of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from research.domain import Config
from research.errors import did_you_mean
from research.results.reads import Reads

if TYPE_CHECKING:
    import pandas as pd


class Evaluated(NamedTuple):
    """An experiment with the last values of some variables.

    Parameters
    ----------
    id : str
        Without a prefix.
    status : str
    generation : int
        How many times the domain had been replaced.
    repetition : int
    canonical : str
        What its config is known by.
    config : Config
        As the domain gave it.
    values : tuple
        One for each variable; None where it was not saved.
    """

    id: str
    status: str
    generation: int
    repetition: int
    canonical: str
    config: Config
    values: tuple[Any, ...]


class Lineage(Reads):
    """`lineage` and `ancestors` of results."""

    def evaluated(self, variables: Sequence[str]) -> list[Evaluated]:
        """Return all experiments with the last values of some variables, whatever has become of them.

        Parameters
        ----------
        variables : sequence of str

        Raises
        ------
        ValueError
            If nothing is called like that, neither among the variables of the study nor in what is stored.
        """
        experiments, series = self._read({"name": list(variables)})
        last = {(item.key, item.variable): item.values[-1] for item in series}
        known = self.study.settings.get("variables", ())
        for name in variables:
            if name not in known and not any(name == variable for _, variable in last):
                raise ValueError(f"no experiment has saved {name!r}{did_you_mean(name, known)}")
        with self._reading():
            return [
                Evaluated(
                    item.row.id,
                    item.row.status,
                    item.row.generation,
                    item.row.repetition,
                    item.row.config,
                    item.given(),
                    tuple(last.get((item.row.key, name)) for name in variables),
                )
                for item in experiments
            ]

    def ancestors(self, experiment_id: str) -> list[str]:
        """Return the ids of all experiments that one was bred from: parents first, then theirs.

        Parameters
        ----------
        experiment_id : str

        Returns
        -------
        list of str
            Each once; none of an experiment that was not bred.

        Raises
        ------
        ValueError
            If there is no such experiment.
        """
        return self.lineage(experiment_id)["id"].tolist()[1:]

    def lineage(self, experiment_id: str) -> pd.DataFrame:
        """Return an experiment and all that it was bred from.

        Parameters
        ----------
        experiment_id : str

        Returns
        -------
        pandas.DataFrame
            A row for each, the experiment itself first, then its parents, then theirs. Columns `id`;
            `distance`, how many steps it is away; `updates`, how often the domain had been replaced when it
            was run; `parents`, a tuple of ids, which is empty of what was not bred.

        Raises
        ------
        ValueError
            If there is no such experiment.

        Examples
        --------
        >>> from research import EC, Domain, Float, Genetic, Research
        >>> study = Research('parabola', Domain(x=Float(-5, 5)), n_configs=8)
        >>> study = study.add_callable('f', lambda x: (x - 1) ** 2, x=EC('x'), save_to='y')
        >>> study = study.update_domain(Genetic('y', mode='min', children=8, immigrants=0, generations=2))
        >>> results = study.run(seed=1, dump_results=False, parallel=False, bar=False).results
        >>> best = results.df.nsmallest(1, 'y')['id'].item()
        >>> family = results.lineage(best)
        >>> family['distance'].tolist()[:3], family['id'].tolist()[1:3] == list(family['parents'][0])
        ([0, 1, 1], True)
        """
        import pandas as pd

        from research.framing import as_text

        experiments, _ = self._read({}, values=False)
        shown = {item.row.id: item.row.shown_id for item in experiments}
        rows = {item.row.id: item for item in experiments}
        wanted = {**{name: id_ for id_, name in shown.items()}, **{id_: id_ for id_ in shown}}
        if experiment_id not in wanted:
            raise ValueError(f"there is no experiment {experiment_id!r}")
        distances = {wanted[experiment_id]: 0}
        queue = [wanted[experiment_id]]
        for id_ in queue:  # which grows
            for parent in rows[id_].parents:
                if parent in rows and parent not in distances:
                    distances[parent] = distances[id_] + 1
                    queue.append(parent)
        table = pd.DataFrame({"id": [shown[id_] for id_ in queue], "distance": list(distances.values())})
        table["updates"] = [rows[id_].row.generation for id_ in queue]
        parents = [tuple(shown.get(parent, parent) for parent in rows[id_].parents) for id_ in queue]
        table["parents"] = pd.Series(parents, dtype=object)
        return as_text(table)
