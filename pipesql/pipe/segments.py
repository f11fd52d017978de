"""One segment between two `|>` to its operator: the first word says which, the rest is what it takes."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.fragment import FragmentReader, words
from pipesql.pipe.scan import closing, split

_SET_KINDS = {TokenType.UNION: "UNION", TokenType.INTERSECT: "INTERSECT", TokenType.EXCEPT: "EXCEPT"}
_JOIN_WORDS = frozenset({"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS"})
_JOIN_KINDS = frozenset({"INNER", "LEFT", "RIGHT", "FULL", "CROSS"})
_LATER = """CALL WINDOW TABLESAMPLE PIVOT UNPIVOT ASSERT WITH RECURSIVE NATURAL STATIC_DESCRIBE DESCRIBE LOG TEE FORK IF
    MATCH_RECOGNIZE CREATE INSERT EXPORT"""
_KNOWN_LATER = frozenset(_LATER.split())


class SegmentReader:
    """Reads operators. Every method raises SqlSyntaxError for what is none, UnsupportedSql for what is not read yet."""

    def __init__(self, fragments: FragmentReader) -> None:
        self.fragments = fragments
        self.error = fragments.error

    def first(self, segment: list[Token]) -> list[op.Operator]:
        """`FROM …`, with standard joins if there are any, or a SELECT that needs no table."""
        head = segment[0]
        if head.token_type == TokenType.SELECT:
            return [self.select(segment)]
        if head.token_type != TokenType.FROM:
            raise self.error(f"a pipe query starts with FROM, not {head.text}", head)
        select = self.fragments.select([*words("SELECT", "1"), *segment], head, {"expressions", "from_", "joins"})
        source = select.args["from_"].this
        joins = [self.joined(j, head) for j in select.args.get("joins") or []]
        return [op.From(source), *joins]

    def operator(self, segment: list[Token]) -> op.Operator:
        """An operator after `|>`."""
        head, word, rest = segment[0], segment[0].text.upper(), segment[1:]
        if head.token_type in _SET_KINDS:
            return self.set_operation(_SET_KINDS[head.token_type], rest, head)
        if word in _JOIN_WORDS:
            return self.join(segment)
        match word:
            case "WHERE":
                return op.Where(self.fragments.clause(segment, "where").this)
            case "SELECT":
                return self.select(segment)
            case "EXTEND":
                return op.Extend(self.fragments.items(rest, head))
            case "SET":
                return op.Set(tuple(self._assignment(part, head) for part in split(rest, TokenType.COMMA)))
            case "DROP":
                return op.Drop(tuple(self._name(part, head) for part in split(rest, TokenType.COMMA)))
            case "RENAME":
                return op.Rename(tuple(self._renaming(part, head) for part in split(rest, TokenType.COMMA)))
            case "AGGREGATE":
                return self.aggregate(rest, head)
            case "ORDER" | "ORDER BY":
                return op.OrderBy(tuple(self.fragments.clause(segment, "order").expressions))
            case "LIMIT":
                return self.limit(segment)
            case "DISTINCT":
                if rest:
                    raise self.error("nothing may follow DISTINCT", rest[0])
                return op.Distinct()
            case "AS":
                return op.As(self._name(rest, head))
            case _ if word in _KNOWN_LATER:
                raise UnsupportedSql(f"the operator {word}", f"({self.fragments.where(head)})")
        raise self.error(f"{head.text} is not a pipe operator", head)

    def join(self, segment: list[Token]) -> op.Join:
        """`[kind] JOIN source [ON … | USING (…)]`."""
        wanted = {"expressions", "from_", "joins"}
        select = self.fragments.select([*words("SELECT", "1", "FROM", "x"), *segment], segment[0], wanted)
        joins = select.args.get("joins") or []
        if len(joins) != 1:
            raise self.error("one JOIN an operator", segment[0])
        return self.joined(joins[0], segment[0])

    def joined(self, join: exp.Join, head: Token) -> op.Join:
        """sqlglot's join as an operator; one without a condition is a CROSS JOIN."""
        kind = join.side or join.kind or ""
        if join.method or (kind and kind not in _JOIN_KINDS):
            raise UnsupportedSql(f"{join.method or kind} JOIN", f"({self.fragments.where(head)})")
        on, using = join.args.get("on"), tuple(u.name for u in join.args.get("using") or ())
        if kind not in ("CROSS", "INNER", "") and not (on or using):
            raise self.error(f"{kind} JOIN needs ON or USING", head)
        always = isinstance(on, exp.Boolean) and on.this is True
        if kind in ("INNER", "") and (always or not (on or using)):
            return op.Join("CROSS", join.this)
        return op.Join(kind, join.this, on, using)

    def select(self, segment: list[Token]) -> op.Select:
        """`SELECT [DISTINCT] items`."""
        select = self.fragments.select(segment, segment[0], {"expressions", "distinct"})
        distinct = select.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise UnsupportedSql("DISTINCT ON")
        return op.Select(tuple(select.expressions), distinct is not None)

    def aggregate(self, rest: list[Token], head: Token) -> op.Aggregate:
        """`AGGREGATE [items] [GROUP BY keys]`."""
        at, width = _find_group_by(rest)
        if at is None:
            return op.Aggregate(self.fragments.items(rest, head))
        items = self.fragments.items(rest[:at], head) if at else ()
        return op.Aggregate(items, self.fragments.items(rest[at + width :], head))

    def limit(self, segment: list[Token]) -> op.Limit:
        """`LIMIT count [OFFSET offset]`, both whole numbers."""
        wanted = {"expressions", "limit", "offset"}
        select = self.fragments.select([*words("SELECT", "1"), *segment], segment[0], wanted)
        values = []
        for node in (select.args.get("limit"), select.args.get("offset")):
            value = None if node is None else node.expression
            if value is not None and not (isinstance(value, exp.Literal) and value.is_int):
                raise self.error("LIMIT takes whole numbers", segment[0])
            values.append(0 if value is None else int(value.name))
        return op.Limit(values[0], values[1])

    def set_operation(self, kind: str, rest: list[Token], head: Token) -> op.SetOperation:
        """`UNION|INTERSECT|EXCEPT ALL|DISTINCT (query), …`."""
        word = rest[0].text.upper() if rest else ""
        if word not in ("ALL", "DISTINCT"):
            raise self.error(f"{kind} must be followed by ALL or DISTINCT", head)
        queries = []
        for part in split(rest[1:], TokenType.COMMA):
            if len(part) < 3 or part[0].token_type != TokenType.L_PAREN or closing(part, 0) != len(part) - 1:
                raise self.error(f"{kind} {word} takes queries in parentheses", head)
            queries.append(self.fragments.nested_query(part[1:-1]))
        return op.SetOperation(kind, word == "DISTINCT", tuple(queries))

    def _assignment(self, part: list[Token], head: Token) -> tuple[str, exp.Expr]:
        if len(part) < 3 or part[1].token_type != TokenType.EQ:
            raise self.error("SET takes `column = expression`", head)
        return part[0].text, self.fragments.items(part[2:], head)[0]

    def _renaming(self, part: list[Token], head: Token) -> tuple[str, str]:
        names = [t for t in part if t.token_type != TokenType.ALIAS]
        if len(names) != 2 or len(part) not in (2, 3):
            raise self.error("RENAME takes `old AS new`", head)
        return names[0].text, names[1].text

    def _name(self, part: list[Token], head: Token) -> str:
        if len(part) != 1:
            raise self.error(f"{head.text.upper()} takes a plain name", head)
        return part[0].text


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
