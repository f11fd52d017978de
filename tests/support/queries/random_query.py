"""Random standard queries over the tables of `tables`, by SQLite's rules.

Every query has one right answer: no bare columns but beside the MIN or MAX of a unique one, a total order wherever
LIMIT cuts, windows that no tie can change.
"""

from __future__ import annotations

from tests.support.queries.scopes import Scope, Source, is_constant
from tests.support.queries.sources import Columns, SourceMaker
from tests.support.queries.tables import DATE, INT, REAL, SPECS, TEXT


class QueryMaker(SourceMaker):
    """Draws queries from a seeded source of chance."""

    def query(self) -> str:
        """A whole query."""
        prefix = self.with_() if self.chance.random() < 0.25 else ""
        draw = self.chance.random()
        if draw < 0.2:
            return prefix + self.compound(2)
        if draw < 0.25:
            return prefix + self.extreme()
        return prefix + self.select(2, None, top=True)[0]

    def with_(self) -> str:
        """One or two CTEs, the second of which may read the first; one may be called like a table."""
        parts = []
        for _ in range(self.chance.choice([1, 1, 2])):
            # a CTE called like a table comes first: in SQLite it is in sight of those before it too
            name = "hall" if not parts and self.chance.random() < 0.1 else self.fresh("w")
            self.hidden = name
            body, columns = self.derived(1)
            self.hidden = ""
            listed = ""
            if self.chance.random() < 0.2:
                columns = [(self.fresh("k"), kind) for _, kind in columns]
                listed = f"({', '.join(n for n, _ in columns)})"
            parts.append(f"{name}{listed} AS ({body})")
            self.ctes[name] = columns
        return f"WITH {', '.join(parts)} "

    def derived(self, depth: int) -> tuple[str, Columns]:
        """A query with named columns, for a CTE or FROM."""
        if self.chance.random() < 0.15:
            kinds = [self.kind() for _ in range(self.chance.randint(1, 2))]
            names = [self.fresh("c") for _ in kinds]
            return self.arms(depth, kinds, None, names), list(zip(names, kinds, strict=True))
        text, columns = self.select(depth, None, named=True, ordered=self.chance.random() < 0.2)
        return text, columns

    def kind(self) -> str:
        return self.chance.choice([INT, INT, INT, TEXT, TEXT, TEXT, REAL, DATE])

    def body(self, depth: int, outer: Scope | None, kinds: list[str]) -> str:
        """The query of a subquery."""
        if self.chance.random() < 0.1:
            return self.arms(depth, kinds, outer)
        return self.select(depth, outer, kinds=kinds)[0]

    def compound(self, depth: int) -> str:
        """Arms of the same kinds, sorted and cut or not."""
        chance = self.chance
        kinds = [chance.choice([INT, TEXT, REAL]) for _ in range(chance.randint(1, 2))]
        names = [self.fresh("c") for _ in kinds] if chance.random() < 0.5 else None
        text = self.arms(depth - 1, kinds, None, names)
        if chance.random() < 0.5:
            keys = [chance.choice([str(i + 1), *([names[i]] if names else [])]) for i in range(len(kinds))]
            text += " ORDER BY " + ", ".join(f"{key}{chance.choice(['', ' DESC'])}" for key in keys)
            text += self.cut() if chance.random() < 0.5 else ""
        return text

    def arms(self, depth: int, kinds: list[str], outer: Scope | None, names: list[str] | None = None) -> str:
        """Two or three SELECTs combined; the first may name the columns."""
        chance = self.chance
        text = self.select(depth, outer, kinds=kinds, names=names)[0]
        for _ in range(chance.choice([1, 1, 2])):
            kind = chance.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            text += f" {kind} {self.select(depth, outer, kinds=kinds)[0]}"
        return text

    def extreme(self) -> str:
        """SQLite's bare columns, which come from the row of the only MIN or MAX."""
        spec = self.chance.choice([s for s in SPECS if s.unique and s.name not in self.ctes])
        source, written = self.table(spec.name, "x")
        scope = Scope([source])
        key = f"{self.names.spelt(source.name)}.{self.names.spelt(source.unique)}"
        bare = [self.names.own(self.chance.choice([INT, TEXT, REAL]), scope) for _ in range(2)]
        group = self.names.own(TEXT, scope)
        function = f"{self.chance.choice(['MAX', 'MIN'])}({key})"
        items = [*bare, self.chance.choice([function, f"{function} AS best", f"{function} + 1"])]
        self.chance.shuffle(items)
        where = f" WHERE {self.values.condition(1, scope)}" if self.chance.random() < 0.3 else ""
        tail = f" GROUP BY {group}" if self.chance.random() < 0.6 and not is_constant(group) else ""
        return f"SELECT {', '.join(items)} FROM {written}{where}{tail}"

    def select(
        self,
        depth: int,
        outer: Scope | None,
        kinds: list[str] | None = None,
        named: bool = False,
        top: bool = False,
        names: list[str] | None = None,
        ordered: bool = False,
    ) -> tuple[str, Columns]:
        """One SELECT and its columns; `kinds` fixes theirs, `named` makes their names distinct."""
        chance = self.chance
        if not named and not top and chance.random() < 0.04:
            kinds = kinds or [INT]
            items = [chance.choice(["NULL", "3", "1 + 1"]) if k == INT else "NULL" for k in kinds]
            items = [f"{i} AS {n}" for i, n in zip(items, names, strict=True)] if names else items
            return "SELECT " + ", ".join(items), [("", k) for k in kinds]
        sources, from_ = self.from_(depth)
        scope = Scope(sources, outer)
        where = f" WHERE {self.values.condition(depth, scope)}" if chance.random() < 0.6 else ""
        wanted = kinds or [self.kind() for _ in range(chance.randint(1, 3))]
        shape = chance.random()
        tail, plain = "", shape >= 0.35
        if not plain:
            values, tail = self.grouped(depth, scope, wanted)
        else:
            values = [self.values.value(kind, depth, scope) for kind in wanted]
            if shape > 0.85 and not kinds:
                values.append(self.values.window(scope))
                wanted = [*wanted, INT]
        items, columns = [], []
        for number, (value, kind) in enumerate(zip(values, wanted, strict=True)):
            alias = names[number] if names else self.alias(named)
            items.append(f"{value}{chance.choice([' AS ', ' AS ', ' '])}{alias}" if alias else value)
            columns.append((alias, kind))
        star = plain and shape <= 0.85 and not kinds and not named and chance.random() < 0.15
        distinct = "DISTINCT " if chance.random() < 0.15 else ""
        shown = self.star(sources) if star else ", ".join(items)
        text = f"SELECT {distinct}{shown} FROM {from_}{where}{tail}"
        if ordered or (top and not star and chance.random() < 0.6):
            text += self.order(values, columns, scope, plain=plain and not distinct, limit=ordered)
        return text, columns

    def alias(self, named: bool) -> str:
        """A name for an output: none, a new one, or (where nothing reads it) one that a column has."""
        if named or self.chance.random() < 0.35:
            return self.fresh("c")
        return self.chance.choice(["age", "name", "total", "hall"]) if self.chance.random() < 0.06 else ""

    def star(self, sources: list[Source]) -> str:
        """`*` or `t.*`."""
        return self.chance.choice(["*", "*", f"{self.names.spelt(sources[0].name)}.*"])

    def cut(self) -> str:
        """LIMIT, in one of its spellings."""
        count, skipped = self.chance.randint(0, 5), self.chance.randint(0, 3)
        return self.chance.choice(
            [f" LIMIT {count}"] * 3 + [f" LIMIT {count} OFFSET {skipped}", f" LIMIT {skipped}, {count}"]
        )

    def order(self, values: list[str], columns: Columns, scope: Scope, plain: bool, limit: bool = False) -> str:
        """ORDER BY outputs by position, alias or expression, or (plain) by what is not shown; a LIMIT needs all."""
        chance = self.chance
        limit = limit or chance.random() < 0.5
        keys = []
        aliases = [alias.lower() for alias, _ in columns]
        for i, (value, (alias, _)) in enumerate(zip(values, columns, strict=True)):
            simple = not is_constant(value) and "(" not in value and not value.lstrip("-").isdigit()
            forms = [str(i + 1)]
            forms += [alias] if alias and aliases.count(alias.lower()) == 1 else []
            forms += [value] if simple and not limit else []
            keys.append(
                chance.choice(forms) + chance.choice(["", "", " DESC", " ASC", " NULLS LAST", " DESC NULLS FIRST"])
            )
        chance.shuffle(keys)
        if not limit:
            keys = keys[: chance.randint(1, len(keys))]
        if plain and chance.random() < 0.3:
            hidden = self.names.own(chance.choice([INT, TEXT]), scope)
            keys = [*([hidden] if not is_constant(hidden) else []), *keys]
        return " ORDER BY " + ", ".join(keys) + (self.cut() if limit else "")

    def grouped(self, depth: int, scope: Scope, kinds: list[str]) -> tuple[list[str], str]:
        """Outputs that are keys or aggregates, and GROUP BY with HAVING."""
        chance = self.chance
        inner = Scope(scope.sources)
        keys: list[str] = []
        values = []
        for kind in kinds:
            column = self.names.column(kind, inner)
            if not is_constant(column) and chance.random() < 0.5:
                forms = {INT: f"{column} % 2", TEXT: f"UPPER({column})", DATE: f"SUBSTR({column}, 1, 4)"}
                key = column if chance.random() < 0.7 else forms.get(kind, column)
                keys.append(key)
                more = {INT: f"{key} + 1", TEXT: f"{key} || '!'"}.get(kind, key)
                values.append(key if chance.random() < 0.8 else more)
            else:
                values.append(self.values.aggregate(kind, inner))
        if chance.random() < 0.2:
            hidden = self.names.column(chance.choice([INT, TEXT]), inner)
            if not is_constant(hidden):
                keys.append(hidden)
        tail = f" GROUP BY {', '.join(dict.fromkeys(keys))}" if keys else ""
        if chance.random() < (0.35 if keys else 0.1) and (keys or any("(" in v for v in values)):
            tail += f" HAVING {self.having(inner)}"
        return values, tail

    def having(self, scope: Scope) -> str:
        """A condition on a group."""
        number = self.names.own(INT, scope)
        return self.chance.choice(
            [
                *("COUNT(*) > 1", f"MAX({number}) >= 25", f"COUNT(DISTINCT {number}) = 1 OR COUNT(*) > 2"),
                "COUNT(*) >= (SELECT COUNT(*) FROM singer) - 2",
                f"SUM({number}) IN (SELECT singer_id FROM concert)",
                f"MIN({self.names.own(TEXT, scope)}) IS NOT NULL AND NOT COUNT(*) = 2",
            ]
        )
