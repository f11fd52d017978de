"""Google's own GoogleSQL engine (package `zetasql`, C++ compiled to WebAssembly) on small tables, as a judge.

Compiling the module takes about a minute; the result is kept in the user's cache folder, so only the first test run
on a machine pays for it. Where the package is missing, `executor()` skips the test that asks.
"""

from __future__ import annotations

import ctypes
import sqlite3
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs
import pytest

_EPOCH = date(1970, 1, 1)


class GoogleSqlError(Exception):
    """Google's analyzer or executor refuses the query."""


class Executor:
    """Runs queries on tables that were copied from a SQLite database. Types are INT64, DOUBLE, STRING and DATE."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
        from zetasql.wasi._pb2.zetasql.proto import options_pb2
        from zetasql.wasi._pb2.zetasql.public import options_pb2 as options_pb2_public

        self.service = service
        self.module = Module()
        language = self.module.call(
            "GetLanguageOptions",
            service.LanguageOptionsRequest(maximum_features=True),
            options_pb2.LanguageOptionsProto,
        )
        language.product_mode = options_pb2_public.PRODUCT_EXTERNAL
        self.options = options_pb2.AnalyzerOptionsProto(language_options=language)
        self.catalog = self._register(connection, language)
        self.columns: list[str] = []
        """Names of the columns of the last query that was run, unnamed ones empty."""

    def _register(self, connection: sqlite3.Connection, language: Any) -> int:
        from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2
        from zetasql.wasi._pb2.zetasql.public import type_pb2

        kinds = {
            "INTEGER": type_pb2.TYPE_INT64,
            "REAL": type_pb2.TYPE_DOUBLE,
            "NUMERIC": type_pb2.TYPE_DOUBLE,
            "TEXT": type_pb2.TYPE_STRING,
            "DATE": type_pb2.TYPE_DATE,
        }
        fields = {"INTEGER": "int64_value", "TEXT": "string_value", "DATE": "date_value"}
        catalog = simple_catalog_pb2.SimpleCatalogProto(name="test")
        catalog.builtin_function_options.language_options.CopyFrom(language)
        request = self.service.RegisterCatalogRequest(simple_catalog=catalog)
        request.descriptor_pool_list.SetInParent()
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
        for (name,) in names.fetchall():
            columns = connection.execute("SELECT name, upper(type) FROM pragma_table_info(?)", (name,)).fetchall()
            table = request.simple_catalog.table.add(name=name)
            for column, declared in columns:
                table.column.add(name=column).type.type_kind = kinds[declared]
            data = request.table_content[name].table_data
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                out = data.row.add()
                for value, (_, declared) in zip(row, columns, strict=True):
                    cell = out.cell.add()
                    if value is not None:
                        if declared == "DATE":
                            value = (date.fromisoformat(value) - _EPOCH).days
                        setattr(cell, fields.get(declared, "double_value"), value)
        return self.module.call("RegisterCatalog", request, self.service.RegisterResponse).registered_id

    def analyze(self, query: str) -> None:
        """Resolve the names and types of a query without running it. Raises GoogleSqlError."""
        request = self.service.AnalyzeRequest(
            sql_statement=query, options=self.options, registered_catalog_id=self.catalog
        )
        self.module.call("Analyze", request, self.service.AnalyzeResponse)

    def run(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; booleans as 0 and 1, dates as text. Raises GoogleSqlError."""
        request = self.service.EvaluateQueryRequest(sql=query, options=self.options, registered_catalog_id=self.catalog)
        response = self.module.call("EvaluateQuery", request, self.service.EvaluateQueryResponse)
        self.columns = [column.name for column in response.prepared.columns]
        return [tuple(map(_plain, row.cell)) for row in response.content.table_data.row]

    def is_ordered(self, query: str) -> bool:
        """Whether the analyzer says that the query's rows have an order. Raises GoogleSqlError."""
        request = self.service.AnalyzeRequest(
            options=self.options, registered_catalog_id=self.catalog, sql_statement=query
        )
        response = self.module.call("Analyze", request, self.service.AnalyzeResponse)
        node = response.resolved_statement.resolved_query_stmt_node.query
        while "is_ordered" not in node.DESCRIPTOR.fields_by_name:  # down to what all kinds of scan have in common
            kinds = node.DESCRIPTOR.oneofs
            node = getattr(node, node.WhichOneof(kinds[0].name)) if kinds else node.parent
        return bool(node.is_ordered)


def _plain(cell: Any) -> Any:
    kind = cell.WhichOneof("value")
    value = None if kind is None else getattr(cell, kind)
    if kind == "date_value":
        return str(_EPOCH + timedelta(days=value))
    if kind == "array_value":
        return [_plain(element) for element in value.element]
    return int(value) if isinstance(value, bool) else value


class Module:
    """The WebAssembly module: a request's bytes go into its memory, a response's bytes come out."""

    def __init__(self) -> None:
        import tzdata
        import wasmtime

        config = wasmtime.Config()
        config.shared_memory = True
        engine = wasmtime.Engine(config)
        self.store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.preopen_dir(str(Path(tzdata.__file__).parent / "zoneinfo"), "/usr/share/zoneinfo")  # it stops without
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        instance = linker.instantiate(self.store, _compiled(wasmtime, engine))
        self.exports = instance.exports(self.store)
        self.functions: dict[str, Any] = {}
        self._function("_initialize")(self.store)
        memory = self.exports["memory"]
        shared = isinstance(memory, wasmtime.SharedMemory)
        self.memory = (lambda: memory.data_ptr()) if shared else (lambda: memory.data_ptr(self.store))

    def _function(self, name: str) -> Any:
        if name not in self.functions:
            self.functions[name] = self.exports[name]
        return self.functions[name]

    def _address(self, offset: int) -> int:
        return ctypes.addressof(self.memory().contents) + offset

    def call(self, method: str, request: Any, response: Any) -> Any:
        """One call of the module's service. Raises GoogleSqlError with the engine's own sentence."""
        sent = request.SerializeToString()
        at = self._function("wasm_malloc")(self.store, max(1, len(sent)))
        size_at = self._function("wasm_malloc")(self.store, 4)
        try:
            ctypes.memmove(self._address(at), sent, len(sent))
            answer = self._function(f"ZetaSqlLocalService_{method}")(self.store, at, len(sent), size_at)
            if answer == 0:
                length = self._function("wasm_get_last_error_size")(self.store)
                text = ctypes.string_at(self._address(self._function("wasm_get_last_error")(self.store)), length)
                raise GoogleSqlError(text.decode("utf-8", "replace"))
            size = int.from_bytes(ctypes.string_at(self._address(size_at), 4), "little")
            received = ctypes.string_at(self._address(answer), size)
            self._function("wasm_free")(self.store, answer)
        finally:
            self._function("wasm_free")(self.store, at)
            self._function("wasm_free")(self.store, size_at)
        return response.FromString(received)


def _compiled(wasmtime: Any, engine: Any) -> Any:
    import zetasql.wasi

    source = Path(zetasql.wasi.get_wasm_path())
    folder = Path(platformdirs.user_cache_dir("pipesql")) / "googlesql"
    kept = folder / f"wasmtime-{version('wasmtime')}-{source.stat().st_size}.cwasm"
    if kept.exists():
        return wasmtime.Module.deserialize_file(engine, str(kept))
    module = wasmtime.Module.from_file(engine, str(source))
    folder.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".part")
    partial.write_bytes(module.serialize())
    partial.replace(kept)
    return module


def executor(database: Path) -> Executor:
    """An executor on the tables of a SQLite file. Skips the test where Google's engine is not installed."""
    reason = "Google's engine is not installed: pip install zetasql wasmtime"
    pytest.importorskip("zetasql", reason=reason)
    pytest.importorskip("wasmtime", reason=reason)
    pytest.importorskip("tzdata", reason=reason)
    connection = sqlite3.connect(database)
    try:
        return Executor(connection)
    finally:
        connection.close()
