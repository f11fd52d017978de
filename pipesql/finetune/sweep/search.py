"""The order in which a sweep tries points: the whole grid, random points, or those where Optuna expects the best.

The n-th point depends only on the seed, n and (for Optuna) earlier results, so a sweep that is resumed tries the points
that it would have tried anyway.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipesql.errors import InvalidOption
from pipesql.finetune.sweep.axes import Axis

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Point = dict[str, str]
"""Field of the recipe → value, as text."""


def as_parameters(point: Point) -> str:
    """A point as parameters of `mlflow run`."""
    return " ".join(f"-P {name}={value}" for name, value in point.items())


STRATEGIES = ("grid", "random", "optuna")


@dataclass(frozen=True)
class Trial:
    """A point and its result; None where the training failed."""

    point: Point
    value: float | None


@dataclass(frozen=True)
class Search:
    """How points are chosen. `trials` 0 means the whole grid. `higher`: whether a higher result is better."""

    axes: tuple[Axis, ...]
    strategy: str
    trials: int
    seed: int
    higher: bool

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InvalidOption(f"there is no strategy {self.strategy!r}; use one of {', '.join(STRATEGIES)}")
        ranges = [axis.name for axis in self.axes if axis.is_range]
        if self.strategy == "grid" and ranges:
            raise InvalidOption(
                f"{ranges[0]} is a range, and strategy grid cannot try every value of it; use strategy=random or optuna"
            )
        if self.strategy != "grid" and self.trials < 1:
            raise InvalidOption(f"strategy {self.strategy} needs a number of trainings; set trials=N")

    @property
    def count(self) -> int:
        """The number of points to try."""
        whole = math.prod(len(axis.values) for axis in self.axes)
        return min(self.trials or whole, whole) if self.strategy == "grid" else self.trials

    def point(self, number: int, before: Sequence[Trial]) -> Point:
        """The point number `number` (from 0), given the trials `before` it."""
        if self.strategy == "optuna":
            return self._suggested(number, before)
        if self.strategy == "random":
            return self._drawn(number)
        points = itertools.product(*(axis.values for axis in self.axes))
        return self._named(next(itertools.islice(points, number, None)))

    def best(self, tried: Sequence[Trial]) -> int | None:
        """The number of the best trial, the first of equals; None where every training failed."""
        results = [
            (one.value if self.higher else -one.value, -n) for n, one in enumerate(tried) if one.value is not None
        ]
        return -max(results)[1] if results else None

    def _named(self, values: Sequence[str]) -> Point:
        return {axis.name: value for axis, value in zip(self.axes, values, strict=True)}

    def _drawn(self, number: int) -> Point:
        draw = random.Random(f"{self.seed} {number}")
        return self._named([_draw(axis, draw) for axis in self.axes])

    def _suggested(self, number: int, before: Sequence[Trial]) -> Point:
        """The point that Optuna's TPE suggests; it is created for each point and gets the earlier trials."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space = {axis.name: _distribution(axis) for axis in self.axes}
        sampler = optuna.samplers.TPESampler(seed=self.seed * 1_000_003 + number)
        study = optuna.create_study(direction="maximize" if self.higher else "minimize", sampler=sampler)
        for one in before:
            known = {axis.name: _optuna_value(axis, one.point[axis.name]) for axis in self.axes}
            failed = {"state": optuna.trial.TrialState.FAIL} if one.value is None else {"value": one.value}
            study.add_trial(optuna.trial.create_trial(params=known, distributions=space, **failed))
        point = study.ask(space).params
        return {axis.name: axis.write(point[axis.name]) if axis.is_range else point[axis.name] for axis in self.axes}


def _draw(axis: Axis, draw: random.Random) -> str:
    if not axis.is_range:
        return draw.choice(axis.values)
    if axis.log:
        return axis.write(math.exp(draw.uniform(math.log(axis.low), math.log(axis.high))))
    return (
        str(draw.randint(int(axis.low), int(axis.high)))
        if axis.whole
        else axis.write(draw.uniform(axis.low, axis.high))
    )


def _distribution(axis: Axis) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not axis.is_range:
        return CategoricalDistribution(axis.values)
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _optuna_value(axis: Axis, value: str) -> str | int | float:
    """A value for Optuna; rounded to a few digits as text, it may lie slightly outside of the range."""
    if not axis.is_range:
        return value
    return int(value) if axis.whole else min(max(float(value), axis.low), axis.high)
