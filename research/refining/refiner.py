"""What every way to refine a study is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from research.domain import Domain

if TYPE_CHECKING:
    from research.results.results import ResearchResults


class Refiner(ABC):
    """Makes the next domain of a study of its results: what `Research.update_domain` is given.

    A study passes its results, and the domain that it began with. Whatever a refiner returns must follow from
    these and from its own arguments, and not from what it remembers: then a study that was killed and gone on
    with is the same as one that was not.
    """

    @abstractmethod
    def __call__(self, results: ResearchResults, domain: Domain) -> Domain | None:
        """Return the next domain; None if there is to be none.

        Parameters
        ----------
        results : ResearchResults
            Of all that has been run.
        domain : Domain
            Which the study began with.
        """

    def check(self, domain: Domain) -> None:  # noqa: B027  (most have nothing to say)
        """Refuse a domain to begin with of which nothing can be made; called before anything is run.

        Parameters
        ----------
        domain : Domain
        """
