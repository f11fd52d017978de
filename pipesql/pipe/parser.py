"""Pipe text to operators. Structure is read here; sqlglot's parser reads the expressions inside an operator.

Nested pipe queries are read first and handed to sqlglot as a one-column SELECT with a reserved name, which then
gives way to the nested query: so they may stand wherever standard SQL allows a subquery.
"""

from __future__ import annotations

import itertools

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery, nest
from pipesql.pipe.scan import closing, dialect_named, position, split, tokens

_STARTS = frozenset({TokenType.FROM, TokenType.WITH, TokenType.SELECT})
_SET_KINDS = {TokenType.UNION: "UNION", TokenType.INTERSECT: "INTERSECT", TokenType.EXCEPT: "EXCEPT"}
_JOIN_WORDS = frozenset({"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS"})
_LATER = """CALL WINDOW TABLESAMPLE PIVOT UNPIVOT ASSERT WITH RECURSIVE NATURAL STATIC_DESCRIBE DESCRIBE LOG TEE FORK IF
    MATCH_RECOGNIZE CREATE INSERT EXPORT"""
_KNOWN_LATER = frozenset(_LATER.split())


def parse(text: str, dialect: str = "bigquery") -> PipeQuery:
    """Read pipe SQL. Raises SqlSyntaxError for what is no query, UnsupportedSql for a construct not read yet."""
    return _Reader(text, dialect).query(tokens(text, dialect))


class _Reader:
    """Reads one text; `nested` maps reserved names to the queries that they stand for."""

    def __init__(self, text: str, dialect: str) -> None:
        self.text = text
        self.dialect = dialect
        self.nested: dict[str, PipeQuery] = {}
        self.names = (f"__pipe_{n}" for n in itertools.count())

    def query(self, found: list[Token]) -> PipeQuery:
        ctes: list[Cte] = []
        if found[0].token_type == TokenType.WITH:
            ctes, found = self._ctes(found)
        segments = split(found, TokenType.PIPE_GT)
        operators: list[op.Operator] = []
        first = segments[0]
        if first and first[0].token_type == TokenType.L_PAREN and closing(first, 0) == len(first) - 1 > 1:
            inner = self.query(first[1:-1])
            if inner.ctes:
                raise UnsupportedSql("WITH inside a parenthesised start")
            operators.extend(inner.operators)
        else:
            operators.extend(self._first(first))
        for segment in segments[1:]:
            if not segment:
                raise SqlSyntaxError("an operator is missing after |>", found[-1].start)
            operators.append(self._operator(segment))
        return PipeQuery(tuple(operators), tuple(ctes))

    def _ctes(self, found: list[Token]) -> tuple[list[Cte], list[Token]]:
        ctes = []
        at = 1
        while True:
            if at + 2 >= len(found):
                raise SqlSyntaxError("WITH is not complete", found[0].start)
            if found[at].text.upper() == "RECURSIVE" and found[at + 1].token_type != TokenType.ALIAS:
                raise UnsupportedSql("WITH RECURSIVE")
            name, alias, bracket = found[at : at + 3]
            if alias.token_type != TokenType.ALIAS or bracket.token_type != TokenType.L_PAREN:
                raise SqlSyntaxError(f"expected `{name.text} AS (query)`{self._where(name)}", name.start)
            end = closing(found, at + 2)
            body = found[at + 3 : end]
            if not body:
                raise SqlSyntaxError(f"the body of {name.text} is empty", bracket.start)
            ctes.append(Cte(name.text, self.query(body)))
            at = end + 1
            if at < len(found) and found[at].token_type == TokenType.COMMA:
                at += 1
                continue
            if at >= len(found):
                raise SqlSyntaxError("a query must follow WITH", found[-1].start)
            return ctes, found[at:]

    def _first(self, segment: list[Token]) -> list[op.Operator]:
        if not segment:
            raise SqlSyntaxError("the query starts with |>: it must start with FROM", 0)
        if segment[0].token_type == TokenType.SELECT:
            return [self._select(segment)]
        if segment[0].token_type != TokenType.FROM:
            raise SqlSyntaxError(
                f"a pipe query starts with FROM, not {segment[0].text}{self._where(segment[0])}", segment[0].start
            )
        select = self._parse([*_words("SELECT", "1"), *segment], segment[0], {"expressions", "from_", "joins"})
        source = select.args["from_"].this
        joins = [self._join(j, segment[0]) for j in select.args.get("joins") or []]
        return [op.From(source), *joins]

    def _operator(self, segment: list[Token]) -> op.Operator:
        head, word = segment[0], segment[0].text.upper()
        rest = segment[1:]
        if head.token_type in _SET_KINDS:
            return self._set_operation(_SET_KINDS[head.token_type], rest, head)
        if word in _JOIN_WORDS:
            wanted = {"expressions", "from_", "joins"}
            select = self._parse([*_words("SELECT", "1", "FROM", "x"), *segment], head, wanted)
            joins = select.args.get("joins") or []
            if len(joins) != 1:
                raise SqlSyntaxError(f"one JOIN an operator{self._where(head)}", head.start)
            return self._join(joins[0], head)
        match word:
            case "WHERE":
                return op.Where(self._clause(segment, "where", _words("SELECT", "1")).this)
            case "SELECT":
                return self._select(segment)
            case "EXTEND":
                return op.Extend(self._items(rest, head))
            case "SET":
                return op.Set(tuple(self._assignment(part, head) for part in split(rest, TokenType.COMMA)))
            case "DROP":
                return op.Drop(tuple(self._name(part, head) for part in split(rest, TokenType.COMMA)))
            case "RENAME":
                return op.Rename(tuple(self._renaming(part, head) for part in split(rest, TokenType.COMMA)))
            case "AGGREGATE":
                return self._aggregate(rest, head)
            case "ORDER" | "ORDER BY":
                return op.OrderBy(tuple(self._clause(segment, "order", _words("SELECT", "1")).expressions))
            case "LIMIT":
                return self._limit(segment)
            case "DISTINCT":
                if rest:
                    raise SqlSyntaxError(f"nothing may follow DISTINCT{self._where(rest[0])}", rest[0].start)
                return op.Distinct()
            case "AS":
                return op.As(self._name(rest, head))
            case _ if word in _KNOWN_LATER:
                raise UnsupportedSql(f"the operator {word}", self._where(head).strip())
        raise SqlSyntaxError(f"{head.text} is not a pipe operator{self._where(head)}", head.start)

    def _join(self, join: exp.Join, head: Token) -> op.Join:
        if join.method:
            raise UnsupportedSql(f"{join.method} JOIN", self._where(head).strip())
        kind = join.side or join.kind or "INNER"
        on, using = join.args.get("on"), join.args.get("using")
        if kind not in ("INNER", "LEFT", "RIGHT", "FULL", "CROSS"):
            raise UnsupportedSql(f"{kind} JOIN", self._where(head).strip())
        source = self._embed(join.this)
        if isinstance(on, exp.Boolean) and on.this is True and kind == "INNER":
            return op.Join("CROSS", source)
        if kind not in ("CROSS", "INNER") and not (on or using):
            raise SqlSyntaxError(f"{kind} JOIN needs ON or USING{self._where(head)}", head.start)
        if kind == "INNER" and not (on or using):
            kind = "CROSS"
        condition = None if on is None else self._embed(on)
        return op.Join(kind, source, condition, tuple(u.name for u in using or ()))

    def _select(self, segment: list[Token]) -> op.Select:
        select = self._parse(segment, segment[0], {"expressions", "distinct"})
        distinct = select.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise UnsupportedSql("DISTINCT ON")
        return op.Select(tuple(select.expressions), distinct is not None)

    def _items(self, part: list[Token], head: Token) -> tuple[exp.Expr, ...]:
        if not part:
            raise SqlSyntaxError(f"{head.text.upper()} needs at least one expression{self._where(head)}", head.start)
        return tuple(self._parse([*_words("SELECT"), *part], head, {"expressions"}).expressions)

    def _aggregate(self, rest: list[Token], head: Token) -> op.Aggregate:
        at, width = _find_group_by(rest)
        if at is None:
            return op.Aggregate(self._items(rest, head))
        items = self._items(rest[:at], head) if at else ()
        return op.Aggregate(items, self._items(rest[at + width :], head))

    def _limit(self, segment: list[Token]) -> op.Limit:
        select = self._parse([*_words("SELECT", "1"), *segment], segment[0], {"expressions", "limit", "offset"})
        count, offset = select.args.get("limit"), select.args.get("offset")
        values = []
        for node in (count, offset):
            value = None if node is None else node.expression
            if value is not None and not (isinstance(value, exp.Literal) and value.is_int):
                raise SqlSyntaxError(f"LIMIT takes whole numbers{self._where(segment[0])}", segment[0].start)
            values.append(0 if value is None else int(value.name))
        return op.Limit(values[0], values[1])

    def _set_operation(self, kind: str, rest: list[Token], head: Token) -> op.SetOperation:
        word = rest[0].text.upper() if rest else ""
        if word not in ("ALL", "DISTINCT"):
            raise SqlSyntaxError(f"{kind} must be followed by ALL or DISTINCT{self._where(head)}", head.start)
        queries = []
        for part in split(rest[1:], TokenType.COMMA):
            if len(part) < 3 or part[0].token_type != TokenType.L_PAREN or closing(part, 0) != len(part) - 1:
                raise SqlSyntaxError(f"{kind} {word} takes queries in parentheses{self._where(head)}", head.start)
            queries.append(self.query(part[1:-1]))
        return op.SetOperation(kind, word == "DISTINCT", tuple(queries))

    def _assignment(self, part: list[Token], head: Token) -> tuple[str, exp.Expr]:
        if len(part) < 3 or part[1].token_type != TokenType.EQ:
            raise SqlSyntaxError(f"SET takes `column = expression`{self._where(head)}", head.start)
        return part[0].text, self._items(part[2:], head)[0]

    def _renaming(self, part: list[Token], head: Token) -> tuple[str, str]:
        names = [t for t in part if t.token_type != TokenType.ALIAS]
        if len(names) != 2 or len(part) not in (2, 3):
            raise SqlSyntaxError(f"RENAME takes `old AS new`{self._where(head)}", head.start)
        return names[0].text, names[1].text

    def _name(self, part: list[Token], head: Token) -> str:
        if len(part) != 1:
            raise SqlSyntaxError(f"{head.text.upper()} takes a plain name{self._where(head)}", head.start)
        return part[0].text

    def _clause(self, segment: list[Token], clause: str, before: list[Token]) -> exp.Expr:
        node: exp.Expr | None = self._parse([*before, *segment], segment[0], {"expressions", clause}).args.get(clause)
        if node is None:
            raise SqlSyntaxError(f"{segment[0].text} is not complete{self._where(segment[0])}", segment[0].start)
        return node

    def _parse(self, found: list[Token], head: Token, wanted: set[str]) -> exp.Select:
        """Parse tokens as a SELECT that may hold only the clauses `wanted`."""
        try:
            trees = dialect_named(self.dialect).parser().parse(self._reserve(found), self.text)
        except SqlglotError as e:
            raise SqlSyntaxError(f"{_first_line(e)} in {head.text.upper()}{self._where(head)}", head.start) from e
        except (AttributeError, TypeError, ValueError, IndexError) as e:  # sqlglot's own slips on odd token runs
            raise SqlSyntaxError(f"{head.text.upper()} cannot be read{self._where(head)}", head.start) from e
        tree = trees[0] if len(trees) == 1 else None
        if not isinstance(tree, exp.Select) or not tree.expressions:
            raise SqlSyntaxError(f"{head.text.upper()} cannot be read{self._where(head)}", head.start)
        extra = {k for k, v in tree.args.items() if v} - wanted
        if extra:
            found_clause = sorted(extra)[0].rstrip("_").upper()
            raise SqlSyntaxError(
                f"{found_clause} cannot stand inside {head.text.upper()}{self._where(head)}", head.start
            )
        embedded = self._embed(tree)
        assert isinstance(embedded, exp.Select)
        return embedded

    def _reserve(self, found: list[Token]) -> list[Token]:
        """Read the pipe queries in brackets and put a one-column SELECT with a reserved name in their place."""
        out: list[Token] = []
        at = 0
        while at < len(found):
            token = found[at]
            out.append(token)
            at += 1
            if token.token_type == TokenType.L_PAREN and at < len(found) and found[at].token_type in _STARTS:
                end = closing(found, at - 1)
                name = next(self.names)
                self.nested[name] = self.query(found[at:end])
                out.extend(_words("SELECT", name))
                at = end
        return out

    def _embed(self, tree: exp.Expr) -> exp.Expr:
        """Put each nested query in the place of the SELECT that stood for it."""
        if not self.nested:
            return tree
        for select in list(tree.find_all(exp.Select)):
            only = select.expressions[0] if len(select.expressions) == 1 else None
            if isinstance(only, exp.Column) and only.name in self.nested and select is not tree:
                select.replace(nest(self.nested[only.name]))
        return tree

    def _where(self, token: Token) -> str:
        return f" ({position(self.text, token.start)})"


def _words(*words: str) -> list[Token]:
    kinds = {"SELECT": TokenType.SELECT, "FROM": TokenType.FROM, "1": TokenType.NUMBER}
    return [Token(kinds.get(word, TokenType.VAR), word) for word in words]


def _find_group_by(found: list[Token]) -> tuple[int | None, int]:
    """(index, width) of GROUP BY outside brackets; sqlglot reads it as one token or two."""
    depth = 0
    for i, token in enumerate(found):
        if token.token_type == TokenType.L_PAREN:
            depth += 1
        elif token.token_type == TokenType.R_PAREN:
            depth -= 1
        elif depth == 0 and token.token_type == TokenType.GROUP_BY:
            return i, 1
        elif depth == 0 and token.text.upper() == "GROUP" and i + 1 < len(found):
            if found[i + 1].text.upper() == "BY":
                return i, 2
            if found[i + 1].text.upper() == "AND":
                raise UnsupportedSql("GROUP AND ORDER BY")
    return None, 0


def _first_line(error: SqlglotError) -> str:
    errors = getattr(error, "errors", None)
    description = errors[0].get("description") if errors else None
    return str(description or error).splitlines()[0].rstrip(".")
