"""What a training run produced, as numbers, files and text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pipesql.finetune.tokenise import TokenStatistics
from pipesql.records import write_json


@dataclass(frozen=True)
class Training:
    """What a training run produced. Losses are means over target tokens, in nats."""

    adapter: Path
    layout: str
    measured: str
    """The split that the evaluation loss is of: `validation` or `dev`."""
    train: TokenStatistics
    eval: TokenStatistics
    steps: int
    tokens: int
    """Tokens computed in training, each as often as it was computed."""
    seconds: float
    """Wall time of the training steps alone."""
    summary: dict[str, float]
    """`train/loss_first`, `train/loss_last`, `train/token_accuracy_last`, `eval/loss_best` …: one number each."""

    def write(self, folder: Path) -> Path:
        """Write the token statistics into a folder; returns the file."""
        counted = {"train": asdict(self.train), self.measured: asdict(self.eval)}
        totals = {"computed": self.tokens, "steps": self.steps}
        write_json(folder / "tokens.json", counted | totals | self.summary)
        return folder / "tokens.json"

    def text(self) -> str:
        """The result in a few lines for a terminal."""
        n, tokens = self.summary, self.train
        dropped = f", {tokens.too_long} dropped as too long" if tokens.too_long else ""
        rows = {
            "samples": f"{tokens.kept} in {self.layout} layout, {tokens.databases} databases{dropped}",
            "tokens": f"{self.tokens:,} computed, {tokens.tokens:,} in the samples ({tokens.target_tokens:,} targets)",
            "speed": f"{self.steps} steps in {self.seconds:.0f} s, {n['train/tokens_per_second_mean']:.0f} tokens/s, "
            f"{n['train/target_tokens_per_second_mean']:.0f} target tokens/s",
            "train loss": f"{n['train/loss_first']:.3f} → {n['train/loss_last']:.3f}, "
            f"token accuracy {n['train/token_accuracy_last']:.1%}",
            "eval loss": f"{n['eval/loss_best']:.3f} at best on {self.measured}, "
            f"token accuracy {n['eval/token_accuracy_best']:.1%}",
        }
        return "\n".join(f"{label:<12}{value}" for label, value in rows.items())
