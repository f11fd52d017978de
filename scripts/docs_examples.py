"""Show the examples of docstrings as code: a griffe extension that mkdocs.yml names.

Our docstrings hold doctest lines (`>>> …`) between paragraphs, which Markdown would take for quotations.
"""

from __future__ import annotations

from typing import Any

import griffe


class Examples(griffe.Extension):
    """Put a fence around each paragraph of a docstring that begins with `>>>`."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Griffe calls this with every module, class, function and attribute that it has read."""
        if obj.docstring is None or ">>>" not in obj.docstring.value:
            return
        paragraphs = obj.docstring.value.split("\n\n")
        obj.docstring.value = "\n\n".join(
            f"```pycon\n{part}\n```" if part.startswith(">>> ") else part for part in paragraphs
        )
