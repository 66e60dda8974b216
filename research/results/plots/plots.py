"""`results.plot`: pictures of what results hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from research.results.plots.chosen import Chosen
from research.results.plots.scales import logs_of
from research.results.plots.style import needs_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from research.results.asking import Asking
    from research.results.conditions import Condition

_DRAWING = ("matplotlib", "seaborn")


class Plots:
    """Pictures of results, each drawn into Axes of matplotlib, which it returns.

    Nothing is shown, and no settings of matplotlib are changed: `ax.figure.savefig('loss.png')` keeps a
    picture, a notebook shows it, and whatever matplotlib can do to axes can be done afterwards. No display is
    needed. All take `where` and keywords, as `select` does, and need the extra `plot`.

    Numbers are missing where an experiment has failed before it saved them, where they are nan, and where
    something else was saved; each method says what becomes of such experiments.

    Parameters
    ----------
    results : ResearchResults
    """

    def __init__(self, results: Asking) -> None:
        self._results = results

    def curves(
        self,
        variable: str,
        by: str | Sequence[str] | None = None,
        band: str | None = "std",
        ax: Axes | None = None,
        where: str | Condition | None = None,
        **equal: Any,
    ) -> Axes:
        """Draw the mean of a variable at each iteration, a line for each value of some parameters.

        Parameters
        ----------
        variable : str
        by : str or list of str, optional
            What each line has a value of. Experiments that are equal in these are one line, its mean and band
            are over them. Default: all parameters with several values, so that these are repetitions; an
            empty list is one line of all experiments.
        band : 'std', 'sem', 'range' or None, default 'std'
            What is around a line: the standard deviation (of a sample), the standard error of the mean, all
            from the least to the greatest, or nothing. There is none at iterations of one experiment.
        ax : Axes, optional
            Where to draw. Default: in a new figure.
        where, **equal
            Of which experiments, as in `select`.

        Returns
        -------
        Axes
            A line for each value, in their order. Of more than 1000 points those are drawn that are least and
            greatest in their neighbourhood.

        Raises
        ------
        ValueError
            If a name stands for nothing, there is nothing to draw, or there would be more lines than can be
            told apart: 20, or 500 by one parameter of numbers.
        TypeError
            If an argument is of another kind.
        ImportError
            If the extra `plot` is not installed.

        Examples
        --------
        >>> from research import EC, Domain, E, Research
        >>> study = Research(domain=Domain(rate=[1, 2]), n_reps=3)
        >>> study = study.save(EC('rate') * E().iteration, 'y')
        >>> results = study.run(n_iters=4, dump_results=False, parallel=False, bar=False).results
        >>> ax = results.plot.curves('y', by='rate')
        >>> [line.get_ydata().tolist() for line in ax.lines]
        [[0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 4.0, 6.0]]
        """
        from research.results.answers import as_names
        from research.results.plots.curves import draw_curves

        needs_plot(*_DRAWING)
        names = None if by is None else tuple(dict.fromkeys(as_names("by", by)))
        chosen = Chosen(self._results, (variable, *(names or ())), where, equal)
        return draw_curves(chosen, variable, names, band, ax)

    def parallel(
        self,
        metric: str,
        names: str | Sequence[str] | None = None,
        log: str | Sequence[str] | None = None,
        ax: Axes | None = None,
        where: str | Condition | None = None,
        **equal: Any,
    ) -> Axes:
        """Draw a line through the parameters of each experiment, coloured by a variable.

        Parameters
        ----------
        metric : str
            The variable, which is the last of the upright axes. Experiments without a number are left out.
        names : str or list of str, optional
            The other axes, in their order. Default: all parameters with several values.
        log : str or list of str, optional
            Which of them are logarithmic. Default: where that spreads numbers more evenly.
        ax, where, **equal
            As in `curves`.

        Returns
        -------
        Axes
            What is no number has a place for each value, and what is missing one below numbers. The greatest
            are drawn last. Of more than 1000 experiments so many are drawn, evenly by their ranks.

        Raises
        ------
        ValueError, TypeError, ImportError
            As in `curves`, and if what is to be logarithmic is not drawn, or not positive.
        """
        from research.results.answers import as_names
        from research.results.plots.parallel import draw_parallel

        needs_plot(*_DRAWING)
        axes = None if names is None else tuple(dict.fromkeys(as_names("names", names)))
        chosen = Chosen(self._results, (metric, *(axes or ())), where, equal)
        logs = logs_of(log, (*(chosen.parameters if axes is None else axes), metric))
        return draw_parallel(chosen, metric, axes, logs, ax)

    def heatmap(
        self,
        x: str,
        y: str,
        value: str,
        how: str = "mean",
        log: str | Sequence[str] | None = None,
        ax: Axes | None = None,
        where: str | Condition | None = None,
        **equal: Any,
    ) -> Axes:
        """Draw a variable over two parameters, as colours, with numbers where they have room.

        Parameters
        ----------
        x, y : str
            What has a column, and a row, for each value; missing ones have the last. More than 30 numbers are
            put together in 12 ranges.
        value : str
            The variable. Experiments without a number are left out.
        how : 'mean', 'median', 'min', 'max', 'std' or 'count', default 'mean'
            What a cell shows of its experiments, whatever else they differ in.
        log : str or list of str, optional
            Of which axes ranges have logarithmic widths. Default: where that spreads numbers more evenly.
        ax, where, **equal
            As in `curves`.

        Returns
        -------
        Axes
            Cells without experiments are grey.

        Raises
        ------
        ValueError, TypeError, ImportError
            As in `parallel`, and if an axis had more than 100 values that are no numbers.
        """
        from research.results.plots.heatmap import draw_heatmap

        needs_plot(*_DRAWING)
        chosen = Chosen(self._results, (x, y, value), where, equal)
        return draw_heatmap(chosen, x, y, value, how, logs_of(log, (x, y)), ax)

    def scatter(
        self,
        x: str,
        y: str,
        color: str | None = None,
        log: str | Sequence[str] | None = None,
        ax: Axes | None = None,
        where: str | Condition | None = None,
        **equal: Any,
    ) -> Axes:
        """Draw a point for each experiment.

        Parameters
        ----------
        x, y : str
            Parameters or variables. Experiments without a number where others have one are left out. What is
            no number has a place for each value, around which points stand side by side.
        color : str, optional
            What colours stand for, and shapes, where it is no number. Numbers that are missing are grey
            crosses.
        log : str or list of str, optional
            Of which of these the axis, or the range of colours, is logarithmic. Default: where that spreads
            numbers more evenly.
        ax, where, **equal
            As in `curves`.

        Returns
        -------
        Axes

        Raises
        ------
        ValueError, TypeError, ImportError
            As in `parallel`, and if `color` has more than 20 values that are no numbers.
        """
        from research.results.plots.scatter import draw_scatter

        needs_plot(*_DRAWING)
        named = (x, y) if color is None else (x, y, color)
        chosen = Chosen(self._results, named, where, equal)
        return draw_scatter(chosen, x, y, color, logs_of(log, named), ax)

    def importance(
        self, metric: str, ax: Axes | None = None, where: str | Condition | None = None, **equal: Any
    ) -> Axes:
        """Draw how much a variable depends on each parameter that has several values.

        A random forest learns the variable from parameters, and is asked about experiments of other configs:
        once as they are, and then with the values of one parameter shuffled among all experiments. A bar is
        what that costs of R², the share of the variance that is explained; its whisker is the standard
        deviation over five shuffles. Near 0 a parameter says nothing, or others say the same.

        Parameters
        ----------
        metric : str
            The variable. Experiments without a number are left out; of more than 5000 so many are taken at
            random.
        ax, where, **equal
            As in `curves`.

        Returns
        -------
        Axes
            The most important parameter is above. The same results give the same picture.

        Raises
        ------
        ValueError
            As in `curves`, and if there are fewer than 10 experiments, or nothing that differs.
        ImportError
            As in `curves`.

        References
        ----------
        Breiman, L. (2001). Random forests. Machine Learning 45, 5-32, section 10.
        """
        from research.results.plots.importance import draw_importance

        needs_plot(*_DRAWING, "sklearn")
        return draw_importance(Chosen(self._results, (metric,), where, equal), metric, ax)

    def __repr__(self) -> str:
        what = repr(self._results).removeprefix("<").partition(":")[0]
        return f"<plots of {what}: curves, parallel, heatmap, scatter, importance>"
