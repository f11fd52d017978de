"""What a log shows of a training: about ten lines of a whole run, however often figures are logged."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipesql.finetune.progress import TrainingProgress


def said(capsys: pytest.CaptureFixture[str], steps: int, every: int, begun: int = 0) -> list[str]:
    """The lines of a run of so many steps, figures logged `every` so many of them."""
    progress, state = TrainingProgress(), SimpleNamespace(max_steps=steps, global_step=begun)
    progress.on_train_begin(None, state, None)
    for step in range(begun + 1, steps + 1):
        progress.on_step_end(None, state, None)
        if step % every == 0:
            progress.show({"train/loss": 1.0, "train/tokens_per_second": 99.0}, step)
    progress.on_train_end(None, state, None)
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("steps", "every"), [(62, 1), (82, 5), (450, 5), (52, 5), (735, 5), (100, 10), (1, 1)])
def test_a_log_gets_about_ten_lines(capsys: pytest.CaptureFixture[str], steps: int, every: int) -> None:
    lines = said(capsys, steps, every)
    assert lines[0].startswith(f"train: step {every}/{steps}  loss 1.000"), "the first figures show that it works"
    assert min(steps // every, 8) <= len(lines) <= 12


def test_a_run_that_goes_on_says_so_with_its_first_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 82, 5, begun=41)[0].startswith("train: step 45/82")


def test_an_evaluation_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TrainingProgress()
    progress.on_train_begin(None, SimpleNamespace(max_steps=82, global_step=0), None)
    progress.show({"eval/loss": 0.5}, 41)
    assert capsys.readouterr().err.splitlines() == ["eval:  step 41  loss 0.500"]
