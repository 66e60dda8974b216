"""Tables in which text is the same whatever else is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

# pandas 3 keeps text in pyarrow's memory where pyarrow is installed, which refuses halves of surrogate pairs
TEXT: Any = pd.StringDtype("python", na_value=np.nan) if int(pd.__version__.split(".")[0]) > 2 else object


def names_of(names: Iterable[str]) -> pd.Index:
    """Return names of columns."""
    index: pd.Index = pd.Index(list(names), dtype=TEXT)
    return index


def frame_of(columns: Mapping[str, Any], index: Any = None) -> pd.DataFrame:
    """Return a table; what is said of a column's type is said by the column.

    Parameters
    ----------
    columns : Mapping
        From names to arrays, Series, or lists of what is no text.
    index : optional
        See `pandas.DataFrame`.
    """
    frame = pd.DataFrame(dict(enumerate(columns.values())), index=index)
    frame.columns = names_of(columns)
    return frame


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with columns of text as they are elsewhere."""
    texts = {name: TEXT for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.StringDtype)}
    frame = frame.astype(texts)
    frame.columns = names_of(frame.columns)
    return frame
