"""Entry point `sweep`: `python -m steps.sweep`, or `mlflow run . -e sweep`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.sweep import sweep

main = StepCommand(sweep)

if __name__ == "__main__":
    main()
