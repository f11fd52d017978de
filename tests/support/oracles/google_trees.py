"""Google's parse trees, compared: what two texts of the same query may differ in, and nothing else.

Levelled, because GoogleSQL takes them for the same: the case of names of functions, table functions, types and
sampling methods; the case of TRUE, FALSE, NULL and of numbers' letters; the quotes, escapes and prefixes of a string or
bytes literal whose value is the same; backticks around a name that needs none; the case of keywords (which is in no
tree). Places in the text are left out. Everything else counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.oracles.googlesql import GoogleSqlError, Module

_PLACES = frozenset({"parse_location_range", "is_quoted"})
_FOLDED = frozenset(
    {
        ("ASTFunctionCallProto", "function"),
        ("ASTTVFProto", "name"),
        ("ASTPipeCallProto", "tvf"),
        ("ASTSimpleTypeProto", "type_name"),
        ("ASTSampleClauseProto", "sample_method"),
    }
)
_BY_VALUE = frozenset({"ASTStringLiteralComponentProto", "ASTBytesLiteralComponentProto"})


class Parser:
    """Google's parser. Every method raises GoogleSqlError where it refuses the text."""

    def __init__(self) -> None:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
        from zetasql.wasi._pb2.zetasql.proto import options_pb2

        self.service = service
        self.module = Module()
        asked = service.LanguageOptionsRequest(maximum_features=True)
        self.options = self.module.call("GetLanguageOptions", asked, options_pb2.LanguageOptionsProto)

    def statement(self, text: str) -> Any:
        """The statement's tree as Google gives it."""
        request = self.service.ParseRequest(sql_statement=text, options=self.options)
        return self.module.call("Parse", request, self.service.ParseResponse).parsed_statement

    def accepts(self, text: str) -> bool:
        """Whether the text is a statement."""
        try:
            self.statement(text)
        except GoogleSqlError:
            return False
        return True


def level(message: Any, fold: bool = False, by_value: bool = False) -> Any:
    """A tree that is equal for two texts of the same query."""
    name = message.DESCRIPTOR.name
    by_value = by_value or name in _BY_VALUE
    out = []
    for field, value in message.ListFields():
        if field.name in _PLACES:
            continue
        folded = fold or (name, field.name) in _FOLDED
        if field.message_type is None:
            out.append((field.name, _scalar(field.name, value, folded, by_value)))
        elif hasattr(value, "ListFields"):
            out.append((field.name, level(value, folded, by_value)))
        else:
            out.append((field.name, [level(each, folded, by_value) for each in value]))
    return name, out


def _scalar(field: str, value: Any, folded: bool, by_value: bool) -> Any:
    if field == "image":
        return None if by_value else value.lower()
    if field == "id_string" and folded:
        return value.lower()
    return value


def kinds(message: Any) -> Iterator[str]:
    """The names of all nodes in a tree."""
    yield message.DESCRIPTOR.name.removeprefix("AST").removesuffix("Proto")
    for field, value in message.ListFields():
        if field.message_type is not None and field.name not in _PLACES:
            for each in [value] if hasattr(value, "ListFields") else value:
                yield from kinds(each)
