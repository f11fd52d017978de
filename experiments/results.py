"""`python -m experiments.results`: what a finished run came to, as a record for the docs.

Of a train run: where it came from, its settings and figures, the digest of the weights of the version that was made of
it, and its loss curve (FOLDER/NAME.json and .png). Of an evaluate run: the version, how it was asked, and all figures
(FOLDER/NAME.json), with the table as text (.txt). Both are read from the tracking store of this project.

    python -m experiments.results --run RUN --name smol-epoch-1
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from pipesql.finetune.progress import draw_curve
from pipesql.storage import write_json
from pipesql.tracking import tags as names
from pipesql.tracking.registry import Version, load_components, versions
from pipesql.tracking.store import project_root, use_store

SYSTEM = "system/"
NAMING = (names.MODEL, names.AVERAGED)
"""Tags that say where models lie."""


def history(client: Any, run: Any) -> list[tuple[int, dict[str, float]]]:
    """(step, metrics logged at it) of a run, in order, without those of the machine."""
    steps: dict[int, dict[str, float]] = defaultdict(dict)
    for name in run.data.metrics:
        if not name.startswith(SYSTEM):
            for point in client.get_metric_history(run.info.run_id, name):
                steps[point.step][name] = point.value
    return sorted(steps.items())


def made_of(run_id: str) -> Version | None:
    """The newest version that a training run's adapter was merged into."""
    found = [version for version in versions() if version.tags.get(names.TRAIN_RUN) == run_id]
    return max(found, key=lambda version: version.number, default=None)


def record(run: Any, points: list[tuple[int, dict[str, float]]]) -> dict[str, Any]:
    """The run as one document: where it came from, with what settings, and what was measured."""
    tags, metrics = run.data.tags, run.data.metrics
    output = project_root() / tags[names.OUTPUT]
    base = json.loads((output / "adapter" / "base.json").read_text(encoding="utf-8"))
    tokens = output / "tokens.json"
    return {
        "run": run.info.run_id,
        "resumed": tags.get(names.RESUMED) == "true",
        "base": {"name": named(tags[names.MODEL]), "digest": base["digest"]},
        "data": {"benchmark": tags[names.BENCHMARK], "digest": tags[names.DATA_DIGEST]},
        "recipe": base["settings"],
        "layout": base["layout"],
        "seed": base["seed"],
        "versions": base["versions"],
        "tokens": _without_ids(json.loads(tokens.read_text(encoding="utf-8"))),
        "metrics": {name: value for name, value in sorted(metrics.items()) if not name.startswith(SYSTEM)},
        "best_step": base["step"],
        "eval_loss": {step: values["eval/loss"] for step, values in points if "eval/loss" in values},
    }


def _without_ids(tokens: dict[str, Any]) -> dict[str, Any]:
    splits = {name: part for name, part in tokens.items() if isinstance(part, dict)}
    return {name: {k: v for k, v in part.items() if k != "too_long_ids"} for name, part in splits.items()}


def fingerprint_of(version: Version) -> dict[str, Any]:
    """What the merged weights are, loaded from the registry."""
    from pipesql.models.folder import fingerprint

    return {"version": version.number, "fingerprint": fingerprint(*load_components(version))}


def named(models: str) -> str:
    """The names of a base, or of several after one another, without the places where they lie."""
    return ", ".join(Path(model).name if Path(model).is_absolute() else model for model in models.split(", "))


def evaluation(run: Any) -> dict[str, Any]:
    """An evaluate run as one document."""
    tags = {name: value for name, value in run.data.tags.items() if name.startswith("pipesql.")}
    version = next(v for v in versions() if str(v.number) == tags[names.VERSION])
    tags.pop(names.OUTPUT, None)
    made = {name: value for name, value in version.tags.items() if name.startswith("pipesql.")}
    for of in (tags, made):
        of |= {name: named(of[name]) for name in NAMING if name in of}
    return {
        "run": run.info.run_id,
        "of": tags,
        "version": made,
        "decoding": {name.removeprefix("evaluate."): value for name, value in run.data.params.items()},
        "metrics": dict(sorted(run.data.metrics.items())),
    }


def main() -> None:
    """Write the record."""
    import mlflow

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="a finished train or evaluate run's id")
    parser.add_argument("--name", required=True, help="name of the files")
    parser.add_argument("--folder", type=Path, default=Path("docs/results"), help="where they go (default %(default)s)")
    arguments = parser.parse_args()
    use_store()
    client = mlflow.MlflowClient()
    run = client.get_run(arguments.run)
    file = arguments.folder / f"{arguments.name}.json"
    if run.data.tags.get(names.STEP) == "evaluate":
        write_json(file, evaluation(run))
        text = project_root() / run.data.tags[names.OUTPUT] / "evaluation.txt"
        shutil.copyfile(text, file.with_suffix(".txt"))
        return
    points = history(client, run)
    document = record(run, points)
    if version := made_of(arguments.run):
        document["merged"] = fingerprint_of(version)
    write_json(file, document)
    title = f"{document['base']['name']}, recipe {document['recipe']['name']}, {document['layout']} layout"
    draw_curve(points, title, file.with_suffix(".png"), document["best_step"])
    print(json.dumps(document["metrics"] | document.get("merged", {}), indent=1))


if __name__ == "__main__":
    main()
