"""A kit for HTML pages: one style, one script for lists of questions, one way to render.

A page stands by itself: no other file, no network. Its template extends `base.html.jinja`, or `questions.html.jinja`
for a page with a list of questions, which travel inside it as compressed JSON (`packed`) and which a browser unpacks
with `DecompressionStream`: all of Spider's 9,693, each with gold, pipe text, lowered SQL and proof, take less than a
megabyte. The page's own script then calls `questionList` of `questions.js`.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

from pipesql.version import __version__

FOLDER = Path(__file__).parent


def render(template: Path, **values: Any) -> str:
    """Render a template with values, which are escaped, and `version`. The same input gives the same page.

    It can extend and include the files of this folder and of its own. Raises jinja2.UndefinedError for a value that the
    template uses and that is not given.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(version=__version__, **values)


def packed(value: Any) -> str:
    """A JSON value, compressed, as text for a page's `data`. Raises ValueError for a NaN or an infinity."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
