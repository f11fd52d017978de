"""Entry point `main`, the whole pipeline: `python -m steps.main`, or `mlflow run . -e main`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.pipeline import pipeline

main = step_command(pipeline)

if __name__ == "__main__":
    main()
