"""Entry point `main`, the whole pipeline: `python -m steps.main`, or `mlflow run . -e main`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.pipeline import pipeline

main = StepCommand(pipeline)

if __name__ == "__main__":
    main()
