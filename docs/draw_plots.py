"""Draws the pictures of the page on plots: runs its examples in a folder, in which they save them.

The build of the documentation does it; `python docs/draw_plots.py FOLDER` does it by itself.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "plots.md"
FOLDER = "plotted"  # in which the page looks for them


def examples() -> str:
    """Return what the page's examples are as one script, without those that show what is printed."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return "\n".join(block for block in blocks if not block.startswith(">>>"))


def main(folder: Path) -> None:
    """Draw all pictures into a folder."""
    from tempfile import TemporaryDirectory

    folder.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=folder) as place:  # (which takes the study along)
        os.chdir(place)
        exec(compile(examples(), str(PAGE), "exec"), vars(sys.modules["__main__"]))  # noqa: S102
        for picture in Path().glob("*.png"):
            picture.replace(folder / picture)
        os.chdir(folder)


if __name__ == "__main__":
    main((Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE.with_name(FOLDER)).absolute())
