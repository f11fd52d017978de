"""The registered model `pipesql`: its versions, which of them is challenger or champion, and how one is promoted.

The alias decides; the stage (Staging, Production, Archived) is written along with it for those who deploy by
stage. A version's tags record what it was made from (`pipesql.train_run`, `pipesql.recipe`, `pipesql.model`, …) and,
once it is evaluated, how good it is (`pipesql.ex`, `pipesql.evaluate_run`, …); `tracking.tags` lists them.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipesql.chat.prompts import PromptShape
from pipesql.errors import BadInput, NoSuchRun, StorageError
from pipesql.tracking import tags as names
from pipesql.tracking.store import command_of, use_store

MODEL = "pipesql"
CHALLENGER, CHAMPION = "challenger", "champion"
TASK = "llm/v1/chat"
REQUIREMENTS = ("mlflow", "torch", "transformers", "accelerate")
"""What a program needs to load and serve a version; pinned to what made it."""


@dataclass(frozen=True)
class Version:
    """One registered version. `number` is MLflow's, counted from 1; `uri` is what MLflow loads."""

    number: int
    run_id: str
    stage: str
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"models:/{MODEL}/{self.number}"

    def __str__(self) -> str:
        return f"version {self.number}"

    def prompt_shape(self, data: PromptShape | None = None) -> PromptShape:
        """The prompts that this version was trained with; what its tags do not record is as in `data`."""
        return names.prompts(self.tags, data)


def register(
    model: Any,
    tokenizer: Any,
    *,
    messages: Sequence[Mapping[str, str]],
    max_new_tokens: int,
    tags: Mapping[str, Any],
) -> Version:
    """Log a model in MLflow's transformers flavour under the active run, register it and make it the challenger.

    `messages` is the input example, `tags` go on the version. The weights are written once, in the place where the
    registry keeps them; only an artifact store that is not a local folder gets them by upload.
    """
    import mlflow
    from mlflow import MlflowClient

    use_store()
    uri = _log(
        model, tokenizer, list(map(dict, messages)), {"max_new_tokens": max_new_tokens, "do_sample": False}, tags
    )
    registered = mlflow.register_model(uri, MODEL, tags={name: str(value) for name, value in tags.items()})
    client = MlflowClient()
    client.set_registered_model_alias(MODEL, CHALLENGER, registered.version)
    _set_stage(registered.version, "Staging")
    return get_version(registered.version)


def versions() -> list[Version]:
    """All versions, newest first; empty where nothing was registered."""
    from mlflow import MlflowClient

    use_store()
    client = MlflowClient()
    # The search leaves aliases out: they stand on the registered model.
    aliases = [model.aliases for model in client.search_registered_models(f"name = '{MODEL}'")]
    by_number: dict[int, tuple[str, ...]] = {}
    for alias, number in sorted(aliases[0].items() if aliases else ()):
        by_number[int(number)] = (*by_number.get(int(number), ()), alias)
    found = client.search_model_versions(f"name = '{MODEL}'")
    listed = [
        Version(
            int(v.version),
            v.run_id or "",
            v.current_stage or "None",
            by_number.get(int(v.version), ()),
            names.current(v.tags),
        )
        for v in found
    ]
    return sorted(listed, key=lambda v: v.number, reverse=True)


def get_version(wanted: str | int = "", *, evaluated: bool = False) -> Version:
    """The version of that number or alias, or the newest one; with `evaluated`, only those that carry an evaluation.

    Raises NoSuchRun, with the step that is missing, where there is none.
    """
    name = str(wanted).strip()
    listed = versions()
    if not listed:
        raise NoSuchRun(f"no model is registered yet: run the merge step first ({command_of('merge')})")
    matching = [v for v in listed if not name or str(v.number) == name or name in v.aliases]
    if not matching:
        known = ", ".join(str(v.number) + (f" ({', '.join(v.aliases)})" if v.aliases else "") for v in listed)
        raise NoSuchRun(f"the registered model {MODEL} has no version or alias {name!r}; there are {known}")
    for version in matching:
        if not evaluated or names.EVALUATE_RUN in version.tags:
            return version
    raise NoSuchRun(
        f"{'version ' + name if name else 'no version'} of {MODEL} has {'not ' if name else ''}been evaluated: "
        f"run the evaluate step first ({command_of('evaluate')})"
    )


def champion() -> Version | None:
    """The version that is in use, or None."""
    return next((v for v in versions() if CHAMPION in v.aliases), None)


def set_tags(version: Version, tags: Mapping[str, Any]) -> None:
    """Write tags on a version; a tag of the same name is replaced."""
    from mlflow import MlflowClient

    use_store()
    client = MlflowClient()
    for name, value in tags.items():
        client.set_model_version_tag(MODEL, str(version.number), name, str(value))


def log_metrics(version: Version, metrics: Mapping[str, float]) -> None:
    """Log metrics on the run that made a version: the UI compares versions by their runs' figures."""
    from mlflow import MlflowClient

    use_store()
    client = MlflowClient()
    for name, value in metrics.items():
        client.log_metric(version.run_id, name, value)


def promote(version: Version) -> Version:
    """Make a version the champion: the alias moves, it enters Production and the one before is archived."""
    from mlflow import MlflowClient

    use_store()
    client = MlflowClient()
    client.set_registered_model_alias(MODEL, CHAMPION, str(version.number))
    if CHALLENGER in version.aliases:
        client.delete_registered_model_alias(MODEL, CHALLENGER)
    _set_stage(str(version.number), "Production", archive=True)
    return get_version(version.number)


def load_components(version: Version) -> tuple[Any, Any]:
    """(model, tokenizer) of a version from the registry's files, on the CPU, as they were stored."""
    import mlflow

    use_store()
    parts = mlflow.transformers.load_model(version.uri, return_type="components")
    return parts["model"], parts["tokenizer"]


def load_base(version: Version) -> tuple[Any, Any]:
    """(model, tokenizer) that a version was trained from. Raises ModelUnavailable where it is not what it was."""
    from pipesql.models import resolve_model
    from pipesql.models.load import load_model, load_tokenizer

    base = resolve_model(version.tags.get(names.MODEL, ""), digest=version.tags.get(names.BASE_DIGEST, ""))
    return load_model(base), load_tokenizer(base)


def requirements() -> list[str]:
    """Pinned requirements of a saved model; the build (`+cpu`, `+cu130`) is left to the machine that installs."""
    return [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in REQUIREMENTS]


def _log(
    model: Any, tokenizer: Any, messages: list[dict[str, str]], config: dict[str, Any], tags: Mapping[str, Any]
) -> str:
    """Save the model as a logged model of the active run; returns its `models:/…` URI."""
    import mlflow
    from mlflow.utils.uri import is_local_uri

    run = mlflow.active_run()
    if run is None:
        raise BadInput("a model can only be registered inside a run; open one with step_run first")
    # MLflow asks the hub for the licence of anything that may be a hub name; a path cannot be one.
    model.name_or_path = f"./{MODEL}"
    what: dict[str, Any] = {
        "transformers_model": {"model": model, "tokenizer": tokenizer},
        "task": TASK,
        "input_example": {"messages": messages},
        "pip_requirements": requirements(),
        "model_config": config,
        "model_card": _card(tags.get(names.MODEL, "an unnamed model")),
    }
    if is_local_uri(run.info.artifact_uri):
        return _save_in_place(run.info.run_id, what)
    return str(mlflow.transformers.log_model(name=MODEL, **what).model_uri)


def _save_in_place(run_id: str, what: dict[str, Any]) -> str:
    """Write the model straight into its artifact folder, without the second copy that `log_model` makes."""
    import mlflow
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model
    from mlflow.utils.file_utils import local_file_uri_to_path

    logged = mlflow.initialize_logged_model(name=MODEL, source_run_id=run_id, model_type=TASK)
    folder = Path(local_file_uri_to_path(logged.artifact_location))
    saved = False
    try:
        mlflow.transformers.save_model(
            path=str(folder), mlflow_model=Model(run_id=run_id, model_id=logged.model_id), **what
        )
        (folder / "LICENSE.txt").write_text(what["model_card"].text, encoding="utf-8")  # in place of a guess at one
        saved = True
    except OSError as error:
        raise StorageError(
            f"cannot write the model to {folder}: {error.strerror or error}; free space there or make it writable"
        ) from error
    finally:
        mlflow.finalize_logged_model(logged.model_id, "READY" if saved else "FAILED")
        if not saved:
            shutil.rmtree(folder, ignore_errors=True)
    MlflowClient().log_outputs(run_id, models=[LoggedModelOutput(logged.model_id, step=0)])
    return f"models:/{logged.model_id}"


def _card(base: str) -> Any:
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(language="en", license="unknown", pipeline_tag="text-generation", tags=["sql", "pipe-sql"])
    text = f"A fine-tune of {base} that answers questions with pipe SQL. The licence of {base} holds for these weights."
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n")


def _set_stage(number: str, stage: str, archive: bool = False) -> None:
    """Write the stage. MLflow warns at each such call that stages are deprecated; that warning is dropped."""
    from mlflow import MlflowClient

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*transition_model_version_stage.*", category=FutureWarning)
        MlflowClient().transition_model_version_stage(MODEL, number, stage, archive_existing_versions=archive)
