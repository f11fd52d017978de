"""Cases in text files: a gold query, the pipe text it becomes, the SQL that is lowered to, the rows.

A file holds sections `--- case: NAME`, each with the parts `--- gold`, `--- pipe`, `--- sql`, `--- rows`, or, for a
query that has no pipe form, `--- gold` and `--- refused` with the sentence. A first part `--- dialect` says that the
gold is not SQLite's, and which engine runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


@dataclass
class Case:
    """One case; `parts` in the order in which they are written."""

    name: str
    parts: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return "\n".join([f"--- case: {self.name}", *(f"--- {k}\n{v}" for k, v in self.parts.items())]) + "\n"


def files() -> list[Path]:
    """The files of cases, in order of their names."""
    return sorted(p for p in FOLDER.glob("*.sql") if p.name != "database.sql")


def read(path: Path) -> list[Case]:
    """The cases of a file."""
    cases: list[Case] = []
    part = ""
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("--- case: "):
            cases.append(Case(line.removeprefix("--- case: ")))
        elif line.startswith("--- "):
            part = line.removeprefix("--- ")
            cases[-1].parts[part] = ""
        else:
            cases[-1].parts[part] += line + "\n"
    for case in cases:
        case.parts = {name: text.strip("\n") for name, text in case.parts.items()}
    return cases


def text(cases: list[Case]) -> str:
    """The cases as a file holds them."""
    return "\n".join(case.text() for case in cases)


def shown(rows: list[tuple]) -> str:
    """Rows, one a line."""
    return "\n".join(" | ".join("NULL" if v is None else repr(v) for v in row) for row in rows) or "(none)"
