"""Which tables a prompt shows where not all of them fit."""

from __future__ import annotations

import pytest

from pipesql.assistant_tools.schema_pruning import prune_schema, rank_tables, words
from pipesql.chat.prompts import schema_text
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table


def table(name: str, *columns: str, **keys: str) -> Table:
    """Columns of text; keys as `column="table.column"`."""
    references = tuple(ForeignKey(column, *target.split(".")) for column, target in keys.items())
    return Table(name, tuple(Column(c) for c in (*columns, *keys)), references)


SCHEMA = Schema(
    (
        table("Customers", "customer_id", "customer_name", "City"),
        table("Orders", "order_id", "OrderDate", customer_id="Customers.customer_id"),
        table("OrderItems", "quantity", order_id="Orders.order_id", product_id="Products.product_id"),
        table("Products", "product_id", "product_name", "price"),
        table("Suppliers", "supplier_id", "company", "phone"),
        table("Regions", "region_id", "label"),
    )
)


def cost(schema: Schema) -> int:
    return len(schema_text(schema))


def names(schema: Schema) -> list[str]:
    return [t.name for t in schema]


def test_words_of_names_and_sentences() -> None:
    assert list(words("CustomerID")) == ["customer", "id"] == list(words("customer_id"))
    assert list(words("HTTPServer2 companies' Straßen")) == ["http", "server", "2", "company", "straßen"]
    assert list(words("class addresses gas")) == ["class", "addresse", "gas"]


def test_what_fits_is_whole() -> None:
    assert prune_schema(SCHEMA, "anything", cost, 10_000) is SCHEMA


def test_the_likeliest_come_first() -> None:
    assert rank_tables(SCHEMA, "Which suppliers have no phone?")[0].name == "Suppliers"
    assert rank_tables(SCHEMA, "What is the price of each product?")[0].name == "Products"


def test_values_in_the_question_count() -> None:
    assert rank_tables(SCHEMA, "Who is from Rome?", [("Customers", "City", "Rome")])[0].name == "Customers"


def test_tables_between_two_come_along() -> None:
    """Customers and products are joined by orders and their items, of which the question does not speak."""
    budget = cost(SCHEMA) - cost(Schema(SCHEMA.tables[4:]))
    kept = prune_schema(SCHEMA, "Which customers bought which product name?", cost, budget)
    assert names(kept) == ["Customers", "Orders", "OrderItems", "Products"]


@pytest.mark.parametrize("budget", [1, 60, 150, 250])
def test_the_budget_holds_and_keys_lead_nowhere_else(budget: int) -> None:
    kept = prune_schema(SCHEMA, "How many order items of each product?", cost, budget)
    assert len(kept.tables) == 1 or cost(kept) <= budget
    assert all(kept.table(key.ref_table) for t in kept for key in t.foreign_keys)
    assert names(kept) == [n for n in names(SCHEMA) if n in names(kept)]


def test_a_schema_without_keys() -> None:
    lone = Schema(tuple(table(f"t{n}", f"c{n}") for n in range(9)))
    assert names(prune_schema(lone, "c3 and c7", cost, 15)) == ["t3", "t7"]
