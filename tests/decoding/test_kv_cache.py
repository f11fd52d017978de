"""A KV cache with room to grow holds what transformers' own would hold, whatever is done to it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from pipesql.decoding.kv_cache import ROOM, KVCache, in_place  # noqa: E402

HEADS, SIZE = 2, 4
WIDTHS = st.one_of(st.integers(1, 5), st.integers(ROOM - 1, ROOM + 2))


def states(rows: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rows, HEADS, width, SIZE), torch.randn(rows, HEADS, width, SIZE + 1)


def filled(rows: int, width: int) -> tuple[KVCache, list[torch.Tensor]]:
    """A cache of one layer, and its keys and values as plain tensors."""
    cache, plain = KVCache(), states(rows, width)
    cache.update(*plain, 0)
    return cache, list(plain)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_it_holds_what_was_put_into_it(data: st.DataObject) -> None:
    cache, plain = filled(data.draw(st.integers(1, 4)), data.draw(WIDTHS))
    for _ in range(data.draw(st.integers(1, 8))):
        rows, width = plain[0].shape[0], plain[0].shape[2]
        what = data.draw(st.sampled_from(["update", "select", "crop", "join"]))
        if what == "update":
            more = states(rows, data.draw(WIDTHS))
            plain = [torch.cat([old, new], dim=2) for old, new in zip(plain, more, strict=True)]
            returned = cache.update(*more, 0)
            assert all(torch.equal(*pair) for pair in zip(returned, plain, strict=True))
        elif what == "select":
            chosen = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=6))
            unused = data.draw(st.integers(0, width - 1))
            plain = [old[chosen, :, unused:] for old in plain]
            cache.select(chosen, unused)
        elif what == "crop":
            gone = data.draw(st.integers(0, width - 1))
            plain = [old[:, :, : width - gone] for old in plain]
            cache.crop(-gone)
        else:
            other, its = filled(data.draw(st.integers(1, 3)), data.draw(WIDTHS))
            wide = max(width, its[0].shape[2])
            padded = [[torch.nn.functional.pad(s, (0, 0, wide - s.shape[2], 0)) for s in both] for both in (plain, its)]
            plain = [torch.cat(pair) for pair in zip(*padded, strict=True)]
            cache = cache.joined(other)
        layer = cache.layers[0]
        assert torch.equal(layer.keys, plain[0]) and torch.equal(layer.values, plain[1])
        assert layer.get_seq_length() == plain[0].shape[2]


def test_a_token_is_not_paid_for_with_a_copy() -> None:
    cache, _ = filled(3, 10)
    place = cache.layers[0].keys.data_ptr()
    for _ in range(ROOM):
        cache.update(*states(3, 1), 0)
    cache.select([0, 2])
    assert cache.layers[0].keys.data_ptr() == place
    cache.update(*states(2, 1), 0)
    assert cache.layers[0].keys.data_ptr() != place


@given(st.lists(st.integers(0, 9), max_size=10))
def test_rows_stand_where_they_came_from(parents: list[int]) -> None:
    order = in_place(parents)
    assert sorted(order) == list(range(len(parents)))
    stayed = sum(parents[row] == place for place, row in enumerate(order))
    assert stayed == len({parent for parent in parents if parent < len(parents)})
