"""Entry point `evaluate`: `python -m steps.evaluate`, or `mlflow run . -e evaluate`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.evaluate import evaluate

main = step_command(evaluate)

if __name__ == "__main__":
    main()
