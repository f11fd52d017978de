"""What `import pipesql` offers: one function for each arrow between a question, pipe SQL, standard SQL and rows.

The command line calls these functions and prints what they return. The names that users see are listed in
`pipesql/__init__.py`; a function that is new here becomes one of them there.
"""

from __future__ import annotations

import importlib.util

from pipesql.errors import BadInput


def require(extra: str, what: str, *modules: str) -> None:
    """Raise BadInput, with the command that installs them, unless all these modules can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(f"{what} needs the package {missing[0]}: pip install 'pipesql[{extra}]'")
