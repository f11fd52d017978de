"""Entry point `data`: `python -m steps.data`, or `mlflow run . -e data`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.data import data

main = StepCommand(data)

if __name__ == "__main__":
    main()
