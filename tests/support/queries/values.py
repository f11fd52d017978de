"""Random values, conditions, aggregates and windows of standard SQL, each with one right answer by SQLite's rules."""

from __future__ import annotations

import random
from typing import Protocol

from tests.support.queries.scopes import LITERALS, Names, Scope, Source, is_constant
from tests.support.queries.tables import DATE, INT, REAL, TEXT

PATTERNS = ["'%a%'", "'A%'", "'_ob'", "'%''%'", "'%'", "'O_era'", "'%5\\%' ESCAPE '\\'", "'x!_%' ESCAPE '!'", "'F%e'"]


class Selects(Protocol):
    """What makes the SELECT of a subquery: a body with columns of these kinds, in the scope around it."""

    def body(self, depth: int, outer: Scope | None, kinds: list[str]) -> str: ...

    def fresh(self, letter: str) -> str: ...

    def table(self, name: str, letter: str) -> tuple[Source, str]: ...


class Values:
    """Draws expressions over a scope."""

    def __init__(self, chance: random.Random, selects: Selects) -> None:
        self.chance = chance
        self.names = Names(chance)
        self.selects = selects

    def value(self, kind: str, depth: int, scope: Scope) -> str:
        """An expression of that kind."""
        chance = self.chance
        if chance.random() < 0.55:
            return self.names.column(kind, scope)
        if kind == INT and depth > 0 and chance.random() < 0.2:
            return self.scalar(depth, scope)
        inner = self.names.column(kind, scope)
        if chance.random() < 0.2 and kind != DATE:
            inner = self.value(kind, 0, scope)
            inner = inner if is_constant(inner) or "(" in inner or " " not in inner else f"({inner})"
        return chance.choice(self._forms(kind, inner, scope))

    def _forms(self, kind: str, inner: str, scope: Scope) -> list[str]:
        column = self.names.column
        negated = f"-{inner}" if not inner.startswith("-") else f"- ({inner})"
        match kind:
            case "int":
                text, real = column(TEXT, scope), column(REAL, scope)
                return [
                    *(f"{inner} + 1", f"{inner} - -2", negated, f"({inner} - 1) * 2", f"{inner} / 2", f"{inner} % 3"),
                    *(f"ABS({inner})", f"COALESCE({inner}, 0)", f"IFNULL({inner}, -1)", f"NULLIF({inner}, 25)"),
                    f"CASE WHEN {inner} > 20 THEN 1 WHEN {inner} IS NULL THEN NULL ELSE {inner} END",
                    f"CASE WHEN {self.condition(0, scope)} THEN {inner} END",
                    *(f"LENGTH({text})", f"({inner} > 20)", f"({inner} IS NULL)", f"INSTR({text}, 'n')"),
                    *(f"MAX({inner}, 3)", f"MIN({inner}, {column(INT, scope)}, 30)", f"IIF({inner} > 20, 1, 0)"),
                    *(f"CAST({real} AS INTEGER)", f"{inner} * {column(INT, scope)} - {inner}"),
                    f"{inner} / NULLIF({column(INT, scope)}, 0)",
                    f"({inner} > 2) + ({column(INT, scope)} > 2)",
                ]
            case "text":
                return [
                    *(f"UPPER({inner})", f"LOWER({inner})", f"SUBSTR({inner}, 1, 2)", f"SUBSTR({inner}, 2)"),
                    *(f"{inner} || '-x'", f"{inner} || {column(TEXT, scope)}", f"COALESCE({inner}, 'none')"),
                    f"CASE {inner} WHEN 'Ann' THEN 'A' WHEN 'Bob' THEN NULL ELSE {inner} END",
                    *(f"CAST({column(INT, scope)} AS TEXT)", f"REPLACE({inner}, 'n', 'm')", f"TRIM({inner})"),
                    *(f"NULLIF({inner}, '')", f"SUBSTR({column(DATE, scope)}, 1, 4)", f"MAX({inner}, 'C')"),
                    f"LTRIM({inner}) || RTRIM({inner})",
                ]
            case "real":
                return [
                    *(f"{inner} * 2.0", f"{inner} / 2.0", f"{inner} + 1", f"CAST({column(INT, scope)} AS REAL)"),
                    *(f"{column(INT, scope)} * 1.0 / 2", f"COALESCE({inner}, 0.0)", f"ABS({inner})"),
                    *(f"ROUND({inner} * 2.0)", f"{inner} - {column(INT, scope)}", negated),
                ]
        return [inner, f"COALESCE({inner}, '2015-01-01')", f"MIN({inner}, '2015-06-01')"]

    def scalar(self, depth: int, scope: Scope) -> str:
        """A subquery of one integer, correlated or not."""
        chance = self.chance
        if chance.random() < 0.25:
            function, name = chance.choice(["MAX(k)", "COUNT(*)", "COUNT(k)", "SUM(k) + 1"]), self.selects.fresh("z")
            body = self.selects.body(depth - 1, None, [INT])
            return f"(WITH {name}(k) AS ({body}) SELECT {function} FROM {name})"
        inner, written = self.selects.table("concert", "S")
        functions = ["COUNT(*)", "MAX(year)", f"SUM({inner.name}.concert_id)", "COUNT(DISTINCT year)", "MIN(year) + 1"]
        where = ""
        if chance.random() < 0.7:
            where = f" WHERE {inner.name}.singer_id = {self.names.own(INT, scope)}"
            if chance.random() < 0.3:
                where += f" AND {self.condition(0, Scope([inner], scope))}"
        return f"(SELECT {chance.choice(functions)} FROM {written}{where})"

    def condition(self, depth: int, scope: Scope) -> str:
        """A predicate."""
        chance = self.chance
        draw = chance.random()
        if draw < 0.15:
            return f"{self.condition(depth, scope)} AND {self.condition(depth, scope)}"
        if draw < 0.25:
            return f"({self.condition(depth, scope)} OR {self.condition(depth, scope)})"
        if draw < 0.32:
            return f"NOT ({self.condition(depth, scope)})"
        kind = chance.choice([INT, INT, TEXT, TEXT, REAL, DATE])
        value = self.value(kind, 0, scope)
        if chance.random() < 0.3 or is_constant(value):
            return self._compared(kind, value, scope)
        column = self.names.column(kind, scope)
        forms = [
            self._compared(kind, value, scope),
            self._compared(kind, column, scope),
            f"{value} {chance.choice(['IS NULL', 'IS NOT NULL', 'ISNULL', 'NOTNULL'])}",
            f"{value} {chance.choice(['', 'NOT '])}IN ({', '.join(chance.sample(LITERALS[kind], 3))})",
            f"{value} {chance.choice(['', 'NOT '])}BETWEEN {' AND '.join(chance.choices(LITERALS[kind], k=2))}",
            f"{column} IN ({chance.choice(LITERALS[kind])}, NULL)",
        ]
        if kind == TEXT:
            forms += [f"{value} {chance.choice(['', 'NOT '])}LIKE {chance.choice(PATTERNS)}"] * 2
            forms += [f"{column} LIKE '%' || {self.names.column(TEXT, scope)} || '%'", f"{column} GLOB 'A*'"]
            forms += [f'{column} = "France"']
        if kind == INT:
            forms += [f"{column} LIKE '2%'", f"{column} LIKE '%a%'"]
        stored = self.names.stored(kind, scope)
        if stored:  # what SQLite converts for the sake of a table's column
            forms += {TEXT: [f"{stored} = 7"], INT: [f"{stored} = '25'", f"{stored} >= '3'", stored]}.get(kind, [])
        if depth > 0:
            forms += self._nested(kind, value, depth, scope)
        return chance.choice(forms)

    def _compared(self, kind: str, value: str, scope: Scope) -> str:
        operators = ["=", "<", ">", "<=", ">=", "<>", "!=", "IS NOT", "IS", "=="]
        other = self.chance.choice([self.chance.choice(LITERALS[kind]), self.names.column(kind, scope)])
        return f"{value} {self.chance.choice(operators)} {other}"

    def _nested(self, kind: str, value: str, depth: int, scope: Scope) -> list[str]:
        chance = self.chance
        inner, written = self.selects.table("singer", "E")
        link = f"{inner.name}.singer_id = {self.names.own(INT, scope)}"
        if chance.random() < 0.4:
            link += f" AND {self.condition(depth - 1, Scope([inner], scope))}"
        body = self.selects.body(depth - 1, scope, [kind])
        column, shown = self.names.column(INT, scope), chance.choice(["*", "1", "name"])
        return [
            f"{value} {chance.choice(['', 'NOT '])}IN ({body})",
            f"{chance.choice(['', 'NOT '])}EXISTS (SELECT {shown} FROM {written} WHERE {link})",
            f"{chance.choice(['', 'NOT '])}EXISTS ({body})",
            f"{column} {chance.choice(['=', '>', '<='])} {self.scalar(depth, scope)}",
            f"{column} > (SELECT AVG(age) FROM singer)",
        ]

    def aggregate(self, kind: str, scope: Scope) -> str:
        """A value that aggregates."""
        chance, own = self.chance, self.names.own
        number, text, real = own(INT, scope), own(TEXT, scope), own(REAL, scope)
        case = f"CASE WHEN {self.condition(0, Scope(scope.sources))} THEN {number} END"
        match kind:
            case "int":
                forms = [
                    *("COUNT(*)", "COUNT(1)", f"COUNT({text})", f"COUNT(DISTINCT {number})", f"SUM({number})"),
                    *(f"MAX({number})", f"COUNT(*) + MIN({number})", f"SUM({number}) / COUNT(*)", f"SUM({case})"),
                    *(f"COUNT(*) FILTER (WHERE {text} > 'B')", f"SUM(DISTINCT {number})", f"COUNT({case})"),
                    *(f"SUM({number} > 20)", f"MAX({number}) - MIN({number})", f"IFNULL(SUM({number}), 0)"),
                    f"SUM({number}) FILTER (WHERE {number} > 2)",
                ]
            case "text":
                forms = [f"MIN({text})", f"MAX({text}) || 'x'", f"UPPER(MAX({text}))"]
            case "real":
                forms = [f"MAX({real})", f"SUM({real})", f"SUM({number}) * 1.0", f"MIN({real}) / 2"]
            case _:
                forms = [f"MAX({own(DATE, scope)})", f"MIN({own(DATE, scope)})"]
        return chance.choice(forms)

    def window(self, scope: Scope) -> str:
        """A window function whose value does not hang on the order of ties."""
        number, text = self.names.own(INT, scope), self.names.own(TEXT, scope)
        forms = [
            *(
                f"COUNT(*) OVER (PARTITION BY {text})",
                f"RANK() OVER (ORDER BY {number} DESC)",
                f"MAX({number}) OVER ()",
            ),
            f"SUM({number}) OVER (PARTITION BY {text} ORDER BY {number})",
            f"DENSE_RANK() OVER (PARTITION BY {text} ORDER BY {number})",
            f"COUNT({number}) OVER (ORDER BY {text} DESC, {number})",
            f"{number} - MIN({number}) OVER (PARTITION BY {text})",
        ]
        only = scope.sources[0] if len(scope.sources) == 1 else None
        if only is not None and only.unique:
            key = f"{self.names.spelt(only.name)}.{self.names.spelt(only.unique)}"
            forms += [
                f"ROW_NUMBER() OVER (ORDER BY {number}, {key} DESC)",
                f"ROW_NUMBER() OVER (PARTITION BY {text} ORDER BY {key})",
                f"LAG({number}) OVER (ORDER BY {key})",
                f"LEAD({number}, 2) OVER (PARTITION BY {text} ORDER BY {key} DESC)",
                f"SUM({number}) OVER (ORDER BY {key} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
                f"FIRST_VALUE({number}) OVER (PARTITION BY {text} ORDER BY {key})",
            ]
        return self.chance.choice(forms)
