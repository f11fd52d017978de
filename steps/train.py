"""Entry point `train`: `python -m steps.train`, or `mlflow run . -e train`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.train import train

main = step_command(train)

if __name__ == "__main__":
    main()
