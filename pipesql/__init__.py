"""Pipe SQL for the databases you have, and small language models that write it.

    import pipesql

    pipesql.to_pipe("SELECT name FROM singer WHERE age > 30")     # standard SQL → pipe SQL
    pipesql.run("FROM singer |> WHERE age > 30", "music.sqlite")  # pipe SQL → rows

| name | from → to |
|---|---|
| `to_pipe`, `to_sql` | standard SQL → pipe SQL, and back |
| `parse`, `canonical`, `check` | pipe SQL → its operators; its canonical text; what it gives, or the error |
| `run`, `explain` | pipe SQL and a database → rows; the table after every operator |
| `equal_results`, `score` | two queries → do they return the same; files of answers → an evaluation |
| `load(model).ask(database, question)` | a question in English → pipe SQL, SQL and rows |
| `Database` | a path or URL, with its schema, its dialect and its limits |

Errors are subclasses of `PipesqlError`, each one sentence that says what was wrong, where, and what to do. Nothing is
imported until it is used, so `import pipesql` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipesql.version import __version__

if TYPE_CHECKING:
    from pipesql.api.ask import Answer, Model, load
    from pipesql.api.check import Checked, Finding, check
    from pipesql.api.convert import canonical, parse, to_pipe, to_sql
    from pipesql.api.execute import Comparison, Prefix, equal_results, explain, run
    from pipesql.api.score import score
    from pipesql.errors import (
        BadInput,
        ExecutionError,
        InvalidFile,
        InvalidOption,
        ModelUnavailable,
        NoSuchRun,
        NotEnoughMemory,
        PipesqlError,
        QueryTimeout,
        SqlError,
        SqlSyntaxError,
        StorageError,
        TooManyRows,
        TrainingDiverged,
        UnknownName,
        UnsupportedSql,
    )
    from pipesql.execution.connection import QueryLimits, Result
    from pipesql.execution.database import Database

__all__ = [
    "Answer",
    "BadInput",
    "Checked",
    "Comparison",
    "Database",
    "ExecutionError",
    "Finding",
    "InvalidFile",
    "InvalidOption",
    "Model",
    "ModelUnavailable",
    "NoSuchRun",
    "NotEnoughMemory",
    "PipesqlError",
    "Prefix",
    "QueryLimits",
    "QueryTimeout",
    "Result",
    "SqlError",
    "SqlSyntaxError",
    "StorageError",
    "TooManyRows",
    "TrainingDiverged",
    "UnknownName",
    "UnsupportedSql",
    "__version__",
    "canonical",
    "check",
    "equal_results",
    "explain",
    "load",
    "parse",
    "run",
    "score",
    "to_pipe",
    "to_sql",
]

_MODULES = {
    "pipesql.api.ask": ("Answer", "Model", "load"),
    "pipesql.api.check": ("Checked", "Finding", "check"),
    "pipesql.api.convert": ("canonical", "parse", "to_pipe", "to_sql"),
    "pipesql.api.execute": ("Comparison", "Prefix", "equal_results", "explain", "run"),
    "pipesql.api.score": ("score",),
    "pipesql.execution.connection": ("QueryLimits", "Result"),
    "pipesql.execution.database": ("Database",),
}
"""Where the names are; those that are not listed here are errors."""

if not TYPE_CHECKING:  # a checker would take `__getattr__` as leave for any name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'pipesql' has no attribute {name!r}")
        from importlib import import_module

        module = next((module for module, names in _MODULES.items() if name in names), "pipesql.errors")
        globals()[name] = found = getattr(import_module(module), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
