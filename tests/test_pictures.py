"""The pictures of the documentation show what the library does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = runpy.run_path(str(DOCS / "draw_pictures.py"))["pictures"]()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_up_to_date(name):
    assert (DOCS / "pictures" / f"{name}.svg").read_text() == PICTURES[name]


def test_every_picture_is_shown():
    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    assert {path.stem for path in (DOCS / "pictures").glob("*.svg")} == set(PICTURES)
    assert all(f"(pictures/{name}.svg)" in pages for name in PICTURES)


def test_the_page_on_plots_shows_what_its_examples_save():
    page = (DOCS / "plots.md").read_text()
    drawn = runpy.run_path(str(DOCS / "draw_plots.py"))
    saved = re.findall(r'savefig\("(.*?)"\)', drawn["examples"]())
    assert len(saved) > 5
    assert saved == re.findall(rf"!\[\]\({drawn['FOLDER']}/(.*?)\)", page)
