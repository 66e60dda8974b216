"""An SQLite file in which several studies are kept, and whatever else: how it is named."""

from __future__ import annotations

from pathlib import Path

SCHEME = "sqlite"


class SharedFile:
    """A database in a file, where studies are told apart by their names.

    Parameters
    ----------
    path : str or path
    """

    def __init__(self, path: str | Path) -> None:
        self._shown = str(path)
        self.path = Path(path).absolute()

    @classmethod
    def read(cls, url: str) -> SharedFile:
        """Return the file of a URL, `sqlite:///` and a path.

        Raises
        ------
        ValueError
            If there is no path in it.
        """
        path = url.removeprefix(f"{SCHEME}:///")
        if not path or path == url:
            raise ValueError(f"`storage` must be 'sqlite:///' and the path of a file, got {url!r}")
        return cls(path)

    def folder(self, name: str) -> Path:
        """Return the folder of the log and the files of a study, beside the database."""
        return self.path.with_name(f"{self.path.stem}.{name}")

    def hide(self, text: str) -> str:
        """Return a text as it is: there is no password."""
        return text

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<{self}>"
