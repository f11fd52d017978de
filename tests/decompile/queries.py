"""Random standard queries over the tables of tests/pipe/golden/database.sql, by SQLite's rules.

Every query has one right answer: no bare columns, and a total order wherever LIMIT cuts.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

INT, REAL, TEXT = "int", "real", "text"
TABLES = {
    "singer": [("singer_id", INT), ("name", TEXT), ("age", INT), ("country", TEXT), ("rating", REAL)],
    "concert": [("concert_id", INT), ("singer_id", INT), ("year", INT), ("hall", TEXT)],
    "hall": [("hall", TEXT), ("seats", INT)],
}
VALUES = {
    INT: ["1", "2", "25", "31", "2014", "-1", "900", "0"],
    TEXT: ["'Ann'", "'Opera'", "'France'", "'D''Or'", "''"],
}
VALUES[REAL] = ["3.0", "1.5"]
PATTERNS = ["'%a%'", "'A%'", "'_ob'", "'%''%'", "'%'", "'O_era'"]


@dataclass
class Source:
    """A range variable and its columns (name, kind)."""

    name: str
    columns: list[tuple[str, str]]
    merged: set[str] = field(default_factory=set)


class QueryMaker:
    """Draws queries from a seeded source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ctes: dict[str, list[tuple[str, str]]] = {}
        self.numbers = iter(range(1, 1000))

    def query(self) -> str:
        """A whole query."""
        chance = self.chance
        prefix = ""
        if chance.random() < 0.2:
            body, columns = self.select(1, [], named=True)
            prefix = f"WITH w AS ({body}) "
            self.ctes["w"] = columns
        if chance.random() < 0.2:
            return prefix + self.compound()
        return prefix + self.select(2, [], top=True)[0]

    def compound(self) -> str:
        """Two or three arms of the same kinds."""
        kinds = [self.chance.choice([INT, TEXT]) for _ in range(self.chance.randint(1, 2))]
        arms = [self.select(1, [], kinds=kinds)[0] for _ in range(self.chance.choice([2, 2, 3]))]
        text = arms[0]
        for arm in arms[1:]:
            text += f" {self.chance.choice(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'])} {arm}"
        if self.chance.random() < 0.5:
            text += " ORDER BY " + ", ".join(f"{i + 1}{self.chance.choice(['', ' DESC'])}" for i in range(len(kinds)))
            if self.chance.random() < 0.5:
                text += f" LIMIT {self.chance.randint(0, 5)}"
        return text

    def select(
        self, depth: int, outer: list[Source], kinds: list[str] | None = None, named: bool = False, top: bool = False
    ) -> tuple[str, list[tuple[str, str]]]:
        """One SELECT and its columns; `kinds` fixes theirs, `named` makes their names distinct."""
        chance = self.chance
        sources, from_ = self.from_(depth)
        where = f" WHERE {self.condition(depth, sources, outer)}" if chance.random() < 0.6 else ""
        wanted = kinds or [chance.choice([INT, INT, TEXT, TEXT, REAL]) for _ in range(chance.randint(1, 3))]
        shape = chance.random()
        tail, windows = "", False
        if shape < 0.35:
            values, tail = self.grouped(depth, sources, outer, wanted)
        else:
            values = [self.value(kind, depth, sources, outer) for kind in wanted]
            if shape > 0.85 and not kinds:
                windows = True
                values.append(self.window(sources))
                wanted = [*wanted, INT]
        items, columns = [], []
        for value, kind in zip(values, wanted, strict=True):
            alias = f"c{next(self.numbers)}" if named or chance.random() < 0.4 else ""
            items.append(f"{value} AS {alias}" if alias else value)
            columns.append((alias, kind))
        star = not kinds and not named and shape >= 0.35 and not windows and chance.random() < 0.15
        distinct = "DISTINCT " if chance.random() < 0.15 else ""
        text = f"SELECT {distinct}{'*' if star else ', '.join(items)} FROM {from_}{where}{tail}"
        if top and not star and chance.random() < 0.6:
            text += self.order(values, columns, sources, plain=shape >= 0.35 and not distinct)
        return text, columns

    def order(self, values: list[str], columns: list[tuple[str, str]], sources: list[Source], plain: bool) -> str:
        """ORDER BY outputs by position, alias or expression, or (plain) by what is not shown; a LIMIT needs all."""
        chance = self.chance
        keys = []
        for i, (value, (alias, _)) in enumerate(zip(values, columns, strict=True)):
            simple = not value.lstrip("-").isdigit() and "(" not in value
            forms = [
                str(i + 1),
                *([alias] if alias else []),
                *([value] if simple and not value.startswith("'") else []),
            ]
            keys.append(chance.choice(forms) + chance.choice(["", "", " DESC", " ASC"]))
        chance.shuffle(keys)
        limit = chance.random() < 0.5
        if not limit:
            keys = keys[: chance.randint(1, len(keys))]
        if plain and chance.random() < 0.3:
            keys.insert(0, self.column(chance.choice([INT, TEXT]), sources))
        text = " ORDER BY " + ", ".join(keys)
        if limit:
            text += f" LIMIT {chance.randint(0, 4)}" + chance.choice(["", "", f" OFFSET {chance.randint(0, 3)}"])
        return text

    def from_(self, depth: int) -> tuple[list[Source], str]:
        """Range variables and the FROM clause."""
        chance = self.chance
        first, text = self.source(depth, [])
        sources = [first]
        for _ in range(chance.choice([0, 0, 1, 1, 2])):
            other, written = self.source(depth, sources)
            common = {n for n, _ in first.columns} & {n for n, _ in other.columns}
            # no RIGHT or FULL JOIN: SQLite (3.40 at least) loses a WHERE behind one where it flattens a compound query
            kind = chance.choice(["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", ",", "CROSS JOIN"])
            if kind in (",", "CROSS JOIN"):
                text += f"{kind} {written}" if kind == "," else f" {kind} {written}"
            elif len(sources) == 1 and common and kind in ("JOIN", "LEFT JOIN") and chance.random() < 0.3:
                if chance.random() < 0.3:
                    text += f" NATURAL {kind} {written}"
                    other.merged |= common
                else:
                    using = sorted(common)[0]
                    text += f" {kind} {written} USING ({using})"
                    other.merged.add(using)
            else:
                sort = chance.choice([INT, TEXT])
                left = self.qualified(sort, sources)
                right = self.qualified(sort, [other])
                more = chance.choice(["", "", f" AND {right} <> {chance.choice(VALUES[sort])}"])
                text += f" {kind} {written} ON {left} = {right}{more}"
            sources.append(other)
        return sources, text

    def source(self, depth: int, before: list[Source]) -> tuple[Source, str]:
        """A table, a CTE or a derived table."""
        chance = self.chance
        if depth > 0 and chance.random() < 0.15:
            body, columns = self.select(depth - 1, [], named=True)
            name = f"d{next(self.numbers)}"
            return Source(name, columns), f"({body}) AS {name}"
        names = [*TABLES, *self.ctes]
        table = chance.choice(names)
        columns = TABLES.get(table) or self.ctes[table]
        taken = {s.name for s in before}
        if table in taken or chance.random() < 0.4:
            alias = f"T{next(self.numbers)}"
            return Source(alias, columns), f"{table} AS {alias}"
        return Source(table, columns), table

    def column(self, kind: str, sources: list[Source]) -> str:
        """A column of that kind (or a constant), qualified where it must be and sometimes elsewhere."""
        found = [(s, n) for s in sources for n, k in s.columns if k == kind and n not in s.merged]
        if not found:
            return self.chance.choice(VALUES[kind])
        source, name = self.chance.choice(found)
        count = sum(n == name and n not in s.merged for s in sources for n, _ in s.columns)
        return f"{source.name}.{name}" if count > 1 or self.chance.random() < 0.4 else name

    def qualified(self, kind: str, sources: list[Source]) -> str:
        """A column of that kind (or a constant), always qualified."""
        found = [f"{s.name}.{n}" for s in sources for n, k in s.columns if k == kind and n not in s.merged]
        return self.chance.choice(found) if found else self.chance.choice(VALUES[kind])

    def value(self, kind: str, depth: int, sources: list[Source], outer: list[Source]) -> str:
        """An expression of that kind."""
        chance = self.chance
        if chance.random() < 0.6:
            return self.column(kind, sources)
        inner = self.column(kind, sources)
        forms = {
            INT: [
                f"{inner} + 1",
                f"{inner} - -2",
                f"-{inner}" if not inner.startswith("-") else inner,
                f"({inner} - 1) * 2",
                f"{inner} / 2",
                f"{inner} % 3",
                f"ABS({inner})",
                f"COALESCE({inner}, 0)",
                f"CASE WHEN {inner} > 20 THEN 1 WHEN {inner} IS NULL THEN NULL ELSE {inner} END",
                f"LENGTH({self.column(TEXT, sources)})",
                f"{inner} > 20",
                f"MAX({inner}, 3)",
                f"IIF({inner} > 20, 1, 0)",
            ],
            TEXT: [
                f"UPPER({inner})",
                f"SUBSTR({inner}, 1, 2)",
                f"{inner} || '-x'",
                f"COALESCE({inner}, 'none')",
                f"CASE {inner} WHEN 'Ann' THEN 'A' ELSE {inner} END",
                f"CAST({self.column(INT, sources)} AS TEXT)",
            ],
            REAL: [
                f"{inner} * 2.0",
                f"{inner} / 2.0",
                f"ROUND({inner}, 1)",
                f"CAST({self.column(INT, sources)} AS REAL)",
            ],
        }[kind]
        if kind == INT and depth > 0 and chance.random() < 0.15:
            return self.scalar(depth, sources)
        return chance.choice(forms)

    def scalar(self, depth: int, sources: list[Source]) -> str:
        """A subquery of one integer, correlated or not."""
        inner = Source(f"S{next(self.numbers)}", TABLES["concert"])
        function = self.chance.choice(["COUNT(*)", "MAX(year)", f"SUM({inner.name}.concert_id)"])
        where = ""
        if self.chance.random() < 0.7:
            where = f" WHERE {inner.name}.singer_id = {self.qualified(INT, sources)}"
        return f"(SELECT {function} FROM concert AS {inner.name}{where})"

    def condition(self, depth: int, sources: list[Source], outer: list[Source]) -> str:
        """A predicate."""
        chance = self.chance
        draw = chance.random()
        if draw < 0.15:
            return f"{self.condition(depth, sources, outer)} AND {self.condition(depth, sources, outer)}"
        if draw < 0.25:
            return f"({self.condition(depth, sources, outer)} OR {self.condition(depth, sources, outer)})"
        if draw < 0.32:
            return f"NOT ({self.condition(depth, sources, outer)})"
        kind = chance.choice([INT, INT, TEXT])
        value = self.value(kind, 0, sources, outer)
        other = chance.choice([chance.choice(VALUES[kind]), self.column(kind, sources)])
        forms = [
            f"{value} {chance.choice(['=', '<', '>', '<=', '>=', '<>', '!=', 'IS NOT', 'IS'])} {other}",
            f"{value} IS {chance.choice(['', 'NOT '])}NULL",
            f"{value} {chance.choice(['', 'NOT '])}IN ({', '.join(chance.sample(VALUES[kind], 3))})",
            f"{value} {chance.choice(['', 'NOT '])}BETWEEN {' AND '.join(chance.choices(VALUES[kind], k=2))}",
        ]
        if kind == TEXT:
            forms += [f"{value} {chance.choice(['', 'NOT '])}LIKE {chance.choice(PATTERNS)}"] * 2
        if depth > 0:
            forms += self._nested(kind, value, depth, sources)
        return chance.choice(forms)

    def _nested(self, kind: str, value: str, depth: int, sources: list[Source]) -> list[str]:
        chance = self.chance
        inner = Source(f"E{next(self.numbers)}", TABLES["singer"])
        link = f"{inner.name}.singer_id = {self.qualified(INT, sources)}"
        body, _ = self.select(depth - 1, [], kinds=[kind])
        return [
            f"{value} {chance.choice(['', 'NOT '])}IN ({body})",
            f"{chance.choice(['', 'NOT '])}EXISTS (SELECT * FROM singer AS {inner.name} WHERE {link})",
            f"{self.column(INT, sources)} {chance.choice(['=', '>', '<='])} {self.scalar(depth, sources)}",
            f"{self.column(INT, sources)} > (SELECT AVG(age) FROM singer)",
        ]

    def grouped(
        self, depth: int, sources: list[Source], outer: list[Source], kinds: list[str]
    ) -> tuple[list[str], str]:
        """Outputs that are keys or aggregates, and GROUP BY with HAVING."""
        chance = self.chance
        keys: list[str] = []
        values = []
        for kind in kinds:
            column = self.column(kind, sources)
            constant = column in VALUES[kind]
            if not constant and chance.random() < 0.5:
                key = (
                    column
                    if chance.random() < 0.7
                    else {INT: f"{column} % 2", TEXT: f"UPPER({column})"}.get(kind, column)
                )
                keys.append(key)
                values.append(key)
            else:
                number = self.column(INT, sources)
                values.append(
                    {
                        INT: chance.choice(
                            [
                                *("COUNT(*)", f"COUNT({column})", f"COUNT(DISTINCT {column})", f"SUM({column})"),
                                *(f"MAX({column})", f"COUNT(*) + MIN({column})", f"SUM({column}) / COUNT(*)"),
                                f"COUNT(*) FILTER (WHERE {column} > 20)",
                            ]
                        ),
                        TEXT: chance.choice([f"MIN({column})", f"MAX({column}) || 'x'"]),
                        REAL: chance.choice([f"AVG({number})", f"SUM({column})", f"SUM({number}) * 1.0 / COUNT(*)"]),
                    }[kind]
                )
        if chance.random() < 0.2:
            hidden = self.column(chance.choice([INT, TEXT]), sources)
            if hidden not in VALUES[INT] + VALUES[TEXT]:
                keys.append(hidden)
        tail = f" GROUP BY {', '.join(dict.fromkeys(keys))}" if keys else ""
        if keys and chance.random() < 0.35:
            number = self.column(INT, sources)
            tail += " HAVING " + chance.choice(
                [
                    *("COUNT(*) > 1", f"MAX({number}) >= 25", f"COUNT(DISTINCT {number}) = 1 OR COUNT(*) > 2"),
                    "COUNT(*) >= (SELECT COUNT(*) FROM hall) - 2",
                ]
            )
        return values, tail

    def window(self, sources: list[Source]) -> str:
        """A window function whose value does not hang on the order of ties."""
        number, text = self.qualified(INT, sources), self.qualified(TEXT, sources)
        return self.chance.choice(
            [
                f"COUNT(*) OVER (PARTITION BY {text})",
                f"RANK() OVER (ORDER BY {number} DESC)",
                f"SUM({number}) OVER (PARTITION BY {text} ORDER BY {number})",
                f"MAX({number}) OVER ()",
                f"DENSE_RANK() OVER (PARTITION BY {text} ORDER BY {number})",
            ]
        )
