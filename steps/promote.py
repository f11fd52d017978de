"""Entry point `promote`: `python -m steps.promote`, or `mlflow run . -e promote`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.promote import promote

main = StepCommand(promote)

if __name__ == "__main__":
    main()
