"""Entry point `train`: `python -m steps.train`, or `mlflow run . -e train`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.train import train

main = StepCommand(train)

if __name__ == "__main__":
    main()
