"""Finding configs by what rules of identities leave as it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from research.domain.config import entries, join_entries
from research.domain.drawing import PENDING, Draft, Stream
from research.domain.factors import Factor, Texts
from research.domain.rules import Rules


class Rests:
    """Indices of partial configs by those of their values that enter identities as they are.

    To make it takes time in proportion to their number.

    Parameters
    ----------
    factor : Factor
    rules : Rules
    stream : Stream
    """

    def __init__(self, factor: Factor, rules: Rules, stream: Stream) -> None:
        self._is_endless = factor.is_endless
        self._numbers: dict[str, list[int]] = {}
        free = {*rules.names, *factor.drawn}
        found = []
        for number in () if factor.is_endless else range(factor.count(stream) or 0):
            draft = Draft()
            factor.put(factor.locate(number, stream), draft)
            free.update(draft.defaults, () if draft.rules is None else draft.rules.names)
            found.append(dict(entries(pair for pair in draft.items.items() if pair[1] is not PENDING)))
        self._free = Rules(free)
        for number, texts in enumerate(found):
            self._numbers.setdefault(self._key(texts), []).append(number)

    def _key(self, texts: Texts) -> str:
        return join_entries(sorted(self._free.without(texts).items()))

    def find(self, texts: Texts) -> Iterator[int]:
        """Return indices, ascending; all where there is no end of them."""
        return count() if self._is_endless else iter(self._numbers.get(self._key(texts), ()))
