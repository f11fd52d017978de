"""What is visible after each operator: columns in order, range variables, and whether rows are ordered."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipesql.errors import SqlError, UnknownName
from pipesql.pipe.identifiers import suggestion


@dataclass(eq=False)
class ScopeColumn:
    """One column that flows through the query, known by identity (names may repeat).

    `name` is empty for an unnamed expression; `kind` is one of `types.INT|REAL|TEXT|UNKNOWN`; `origin` is the
    (table, column) that it copies unchanged, if any.
    """

    name: str
    kind: str = ""
    origin: tuple[str, str] | None = None
    copies: ScopeColumn | None = None
    """The column that this one is under another name."""

    @property
    def root(self) -> ScopeColumn:
        """The column that it is at bottom: PIVOT and UNPIVOT take a column with all its copies, as GoogleSQL does."""
        return self if self.copies is None else self.copies.root


@dataclass(frozen=True)
class Variable:
    """A range variable: `columns` are its columns as they were when it came into view."""

    name: str
    columns: tuple[ScopeColumn, ...]


@dataclass(frozen=True)
class Scope:
    """The table that an operator gives. `variables` are keyed by lower-case name."""

    columns: tuple[ScopeColumn, ...]
    variables: dict[str, Variable] = field(default_factory=dict)
    ordered: bool = False

    def has(self, name: str, qualifier: str = "") -> bool:
        """Whether the name means something here, be it ambiguous."""
        lower = name.lower()
        if qualifier:
            return qualifier.lower() in self.variables
        return lower in self.variables or any(c.name.lower() == lower for c in self.columns)

    def find(self, name: str, qualifier: str = "") -> ScopeColumn:
        """The column that `[qualifier.]name` means. Raises UnknownName: unknown, ambiguous, or a whole row."""
        lower = name.lower()
        if qualifier:
            variable = self.variables.get(qualifier.lower())
            if variable is None:
                raise unknown_name(qualifier, "table or alias", qualifier, self._variable_names())
            found = [c for c in variable.columns if c.name.lower() == lower]
            names = [c.name for c in variable.columns]
            if not found:
                raise unknown_name(f"{qualifier}.{name}", f"column of {variable.name}", name, names)
        else:
            if lower in self.variables:
                raise UnknownName(f"{name} means the whole row of {name} here: write {name}.{name}", name)
            found = [c for c in self.columns if c.name.lower() == lower]
            if not found:
                raise unknown_name(name, "column", name, [c.name for c in self.columns if c.name])
        if len(found) > 1:
            owners = [v.name for v in self.variables.values() if any(c in v.columns for c in found)]
            hint = f"qualify it with {' or '.join(owners)}" if owners else "two columns have this name: rename one"
            raise UnknownName(f"{name} is ambiguous: {hint}", name)
        return found[0]

    def _variable_names(self) -> list[str]:
        return [v.name for v in self.variables.values()]


def unknown_name(shown: str, what: str, name: str, names: list[str]) -> UnknownName:
    """The error for a name that means nothing, with the nearest of those that there are."""
    return UnknownName(f"no {what} {shown} here: {suggestion(name, names)}", name)


def join_scopes(left: Scope, right: Scope, kind: str, using: tuple[str, ...]) -> Scope:
    """Both tables side by side; columns of USING come first, once: the side's that every row has, or a new one.

    Raises SqlError for a repeated range variable.
    """
    repeated = left.variables.keys() & right.variables.keys()
    if repeated:
        name = sorted(repeated)[0]
        raise SqlError(f"two tables are called {name} in this JOIN: give one of them an alias with AS")
    pairs = [(left.find(u), right.find(u)) for u in using]
    merged = [ScopeColumn(a.name, a.kind) if kind == "FULL" else b if kind == "RIGHT" else a for a, b in pairs]
    hidden = {c for pair in pairs for c in pair}
    rest = [c for c in (*left.columns, *right.columns) if c not in hidden]
    return Scope((*merged, *rest), {**left.variables, **right.variables})
