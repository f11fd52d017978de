"""The loss curve of a run: drawn from what was logged, also where little or nothing was."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pipesql.errors import BadInput
from pipesql.finetune.progress import draw_curve

HISTORY = [
    *((step, {"train/loss": 3.0 / step, "train/learning_rate": 1e-3}) for step in range(1, 60)),
    (30, {"eval/loss": 0.4}),
    (59, {"eval/loss": 0.3}),
]


def colours(path: Path) -> set[tuple[int, int, int]]:
    """The colours that at least twenty points of the picture have exactly."""
    found = Image.open(path).convert("RGB").getcolors(1 << 24)
    return {colour for count, colour in found if count >= 20}


BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)


def test_the_picture_shows_both_losses_the_best_step_and_where_the_guard_went_back(tmp_path) -> None:
    path = draw_curve(HISTORY, "tiny", tmp_path / "loss.png", best=59, rewinds=(20, 41))
    assert {BLUE, ORANGE, GREEN} <= colours(path)
    assert Image.open(path).size == (880, 495)
    without = draw_curve(HISTORY, "tiny", tmp_path / "plain.png")
    assert {BLUE, ORANGE} <= colours(without)
    assert GREEN not in colours(without)
    assert path.read_bytes() != without.read_bytes()


@pytest.mark.parametrize("history", [[], [(1, {"train/loss": 2.0})], [(1, {"eval/loss": 0.0})]])
def test_a_short_history_is_a_picture_too(history, tmp_path) -> None:
    assert draw_curve(history, "short", tmp_path / "loss.png").stat().st_size > 1000


def test_a_place_that_cannot_be_written_is_said(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write"):
        draw_curve(HISTORY, "tiny", tmp_path / "file" / "loss.png")
