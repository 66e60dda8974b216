"""What a study says about experiments that are to end early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from research.errors import did_you_mean

if TYPE_CHECKING:
    from research.pruning.rules import Rule
    from research.pruning.watch import Pruning

MODES = ("min", "max")


class Prunes:
    """The method by which experiments are ended that are hopeless."""

    _pruning: Pruning | None = None

    def prune(
        self,
        rule: Rule | None,
        objective: str | None = None,
        mode: str = "min",
        by: str | Sequence[str] | None = None,
        wait: bool = True,
    ) -> Self:
        """End experiments that are hopeless, between iterations. A further call replaces what this one says.

        What they have saved is kept, and their status is `pruned`. Units that are due at the last iteration
        are not run for them. Whether an experiment ends is decided where it has saved the objective, and a
        further iteration would follow.

        Parameters
        ----------
        rule : Median, SuccessiveHalving, Patience or None
            Which are hopeless. None: none is.
        objective : str
            The variable that is looked at: a number; NaN is worse than any other.
        mode : 'min' or 'max', default 'min'
            Whether less or more of it is better.
        by : str or list of str, optional
            Parameters: experiments are compared where these are equal, as for a data set.
        wait : bool, default True
            Compare an experiment with those that come before it in the study, and let it wait until these
            have come as far: what ends is then the same for any number of workers, and after any crash. Else
            compare it with whatever others have reported by then; nobody waits.

        Returns
        -------
        Research
            This object.

        Raises
        ------
        ValueError, TypeError
            If an argument makes no sense.

        Examples
        --------
        >>> from research import EC, Domain, Research, SuccessiveHalving
        >>> def descend(speed):
        ...     x = 10.0
        ...     while True:
        ...         x -= speed * x
        ...         yield x
        >>> study = Research('descent', Domain(speed=[0.3, 0.1, 0.5, 0.2, 0.4, 0.05]))
        >>> study = study.add_generator('descend', descend, speed=EC('speed'), save_to='x')
        >>> study = study.prune(SuccessiveHalving(min_iters=2, eta=3), 'x')
        >>> study = study.run(n_iters=20, dump_results=False, bar=False)
        >>> study.monitor.counts
        {'done': 4, 'pruned': 2}
        """
        if rule is None:
            self._pruning = None
            return self
        from research.pruning.rules import Rule  # most studies prune nothing
        from research.pruning.watch import Pruning

        if not isinstance(rule, Rule) or isinstance(rule, type):
            raise TypeError(f"`rule` must be Median(…), SuccessiveHalving(…) or Patience(…), got {rule!r}")
        if not isinstance(objective, str):
            raise TypeError(f"`objective` must be the name of a variable, got {objective!r}")
        if mode not in MODES:
            raise ValueError(f"`mode` must be 'min' or 'max', got {mode!r}{did_you_mean(mode, MODES)}")
        names: Any = (by,) if isinstance(by, str) else () if by is None else tuple(by)
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"`by` must be a parameter or a list of them, got {by!r}")
        self._pruning = Pruning(rule, objective, mode == "max", names, bool(wait))
        return self
