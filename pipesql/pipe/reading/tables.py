"""FROM, JOIN, and CALL with its arguments: the tables that a query reads."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe import operators as op
from pipesql.pipe.reading.cursor import Cursor, is_name
from pipesql.pipe.reading.fragment import FragmentReader, words
from pipesql.pipe.scan import CLOSE, OPEN, note_standard

_KINDS = ("INNER", "LEFT", "RIGHT", "FULL", "CROSS")
_METHODS = ("HASH", "LOOKUP")
JOIN_WORDS = frozenset({"JOIN", "NATURAL", *_METHODS, *_KINDS})
_SOURCE_STARTS = frozenset({TokenType.L_PAREN, TokenType.UNNEST, TokenType.LATERAL, TokenType.PARAMETER})


def read_from(reader: FragmentReader, segment: list[Token]) -> op.From:
    """`FROM source [joins]`."""
    head, rest = segment[0], segment[1:]
    pieces = _pieces(rest)
    source = read_source(reader, pieces[0], head)
    joins = []
    for piece in pieces[1:]:
        if piece[0].token_type == TokenType.COMMA:
            joins.append(op.Join("COMMA", read_source(reader, piece[1:], head)))
        else:
            joins.append(read_join(reader, piece, in_from=True))
    return op.From(source, tuple(joins))


def read_join(reader: FragmentReader, segment: list[Token], in_from: bool = False) -> op.Join:
    """`[NATURAL] [kind [OUTER]] JOIN source [ON condition | USING (columns)]`."""
    cursor = reader.cursor(segment, segment[0])
    natural = cursor.accept("NATURAL")
    kind = cursor.one_of(*_KINDS)
    if kind in ("LEFT", "RIGHT", "FULL"):
        cursor.accept("OUTER")
    if cursor.word() in _METHODS:
        raise reader.unsupported(f"{cursor.word()} JOIN", cursor.here)
    cursor.expect("JOIN")
    source = read_source(reader, cursor.until("ON", "USING"), segment[0])
    on, using = _condition(reader, cursor)
    if not cursor.done:
        if in_from:
            raise reader.unsupported("several conditions behind one JOIN", cursor.here)
        cursor.end()
    if not on and not using and kind in ("LEFT", "RIGHT", "FULL") and not natural and not _is_path(source):
        raise reader.error(f"{kind} JOIN needs ON or USING", segment[0])
    return op.Join(kind, source, on, using, natural)


def _is_path(source: exp.Expr) -> bool:
    """Whether it reads an array of a row before it, which needs no condition."""
    return isinstance(source, exp.Unnest | exp.Lateral) or bool(source.args.get("db"))


def _condition(reader: FragmentReader, cursor: Cursor) -> tuple[exp.Expr | None, tuple[str, ...]]:
    at = cursor.here
    if cursor.accept("ON"):
        return reader.one(cursor.until("ON", "USING"), at), ()
    if cursor.accept("USING"):
        return None, cursor.names("columns")
    return None, ()


def read_source(reader: FragmentReader, found: list[Token], head: Token) -> exp.Expr:
    """A table, function's table, UNNEST or query in brackets, with its alias."""
    if not found or (found[0].token_type not in _SOURCE_STARTS and not is_name(found[0])):
        raise reader.error(f"{head.text.upper()} needs a table", found[0] if found else head)
    if len(found) < 4 and (table := _plain(found)) is not None:
        return table
    offset: exp.Identifier | bool = False
    if len(found) > 2 and found[0].token_type != TokenType.UNNEST:
        found, offset = _without_offset(reader, found, head)
        if found[0].token_type == TokenType.L_PAREN:
            note_standard(found)
    select = reader.select([*words("SELECT", "1", "FROM"), *found], head, {"expressions", "from_"})
    source: exp.Expr = select.args["from_"].this
    if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Table) and source.alias:
        raise reader.error("tables joined in brackets take no alias", found[0])
    alias = source.args.get("alias")
    for name in (alias.this, *alias.columns) if alias is not None else ():
        if isinstance(name, exp.Identifier):
            reader.check_name(name, head)
    if offset:
        source.set("ordinality", offset)
    return source


def _plain(found: list[Token]) -> exp.Table | None:
    """`name` or `name [AS] alias`, read without sqlglot because most tables are no more than that."""
    names = [found[0], *found[1 + (len(found) > 2 and found[1].token_type == TokenType.ALIAS) :]]
    if len(names) > 2 or not all(map(is_name, names)) or "." in names[0].text:
        return None
    table, *alias = (_identifier(token) for token in names)
    return exp.Table(this=table, alias=exp.TableAlias(this=alias[0])) if alias else exp.Table(this=table)


def _identifier(token: Token) -> exp.Identifier:
    name = exp.Identifier(this=token.text, quoted=token.token_type == TokenType.IDENTIFIER)
    name.meta["start"] = token.start
    return name


def _without_offset(
    reader: FragmentReader, found: list[Token], head: Token
) -> tuple[list[Token], exp.Identifier | bool]:
    """`path WITH OFFSET [[AS] name]` without its end, which sqlglot reads behind UNNEST only, and its name or True."""
    cursor = reader.cursor(found, head)
    source = cursor.until("WITH")
    if not cursor.accept("WITH", "OFFSET"):
        return found, False
    name = cursor.alias()
    cursor.end()
    return source, exp.to_identifier(name) if name else True


def _pieces(found: list[Token]) -> list[list[Token]]:
    """The tokens behind FROM, cut before every comma and JOIN."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    head_until = -1
    for i, token in enumerate(found):
        kind = token.token_type
        if kind in OPEN:
            depth += 1
        elif kind in CLOSE:
            depth -= 1
        elif depth == 0 and i > head_until:
            if kind == TokenType.COMMA:
                pieces.append([])
            elif token.text.upper() in JOIN_WORDS and (end := _join_head(found, i)):
                pieces.append([])
                head_until = end
        pieces[-1].append(token)
    return pieces


def _join_head(found: list[Token], at: int) -> int:
    """Index of the JOIN that the words from `at` on lead to; 0 where they do not."""
    if at and found[at - 1].token_type == TokenType.DOT:
        return 0
    while at < len(found) and found[at].token_type != TokenType.IDENTIFIER:
        word = found[at].text.upper()
        if word == "JOIN":
            return at
        if word not in JOIN_WORDS and word != "OUTER":
            return 0
        at += 1
    return 0


_ARGUMENT_KINDS = ("TABLE", "MODEL", "CONNECTION")


def read_call(reader: FragmentReader, segment: list[Token]) -> op.Call:
    """`CALL function(arguments) [AS alias]`."""
    head = segment[0]
    cursor = reader.cursor(segment[1:], head)
    function = cursor.path("a table function")
    inside = cursor.bracket("arguments")
    arguments = [_argument(reader, part, head) for part in reader.parts(inside, head, trailing=False)] if inside else []
    alias = cursor.alias()
    cursor.end()
    return op.Call(function, tuple(arguments), alias)


def _argument(reader: FragmentReader, part: list[Token], head: Token) -> op.Argument:
    """`[name =>] [kind] value`."""
    cursor = reader.cursor(part, head)
    name = ""
    if len(part) > 1 and part[1].token_type == TokenType.FARROW:
        name = cursor.name("an argument's name")
        cursor.at += 1
    if cursor.accept("INPUT", "TABLE"):
        cursor.end()
        return op.Argument(None, "INPUT TABLE", name)
    if cursor.word() == "DESCRIPTOR":
        cursor.at += 1
        columns = reader.items(cursor.bracket("columns"), head, trailing=False)
        cursor.end()
        return op.Argument(exp.Tuple(expressions=list(columns)), "DESCRIPTOR", name)
    if cursor.word() in _ARGUMENT_KINDS and len(part) > cursor.at + 1:
        kind = cursor.one_of(*_ARGUMENT_KINDS)
        if cursor.accept("DEFAULT"):
            cursor.end()
            return op.Argument(exp.var("DEFAULT"), kind, name)
        return op.Argument(read_source(reader, cursor.rest(), head), kind, name)
    return op.Argument(_value(reader, cursor.rest(), head), "", name)


def _value(reader: FragmentReader, found: list[Token], head: Token) -> exp.Expr:
    """An expression, or a lambda, which sqlglot reads inside a function's brackets alone."""
    if not any(token.token_type == TokenType.ARROW for token in found):
        return reader.one(found, head)
    around = [Token(TokenType.VAR, "f"), Token(TokenType.L_PAREN, "("), *found, Token(TokenType.R_PAREN, ")")]
    value: exp.Expr = reader.one(around, head).expressions[0]
    return value
