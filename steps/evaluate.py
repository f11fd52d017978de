"""Entry point `evaluate`: `python -m steps.evaluate`, or `mlflow run . -e evaluate`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.evaluate import evaluate

main = StepCommand(evaluate)

if __name__ == "__main__":
    main()
