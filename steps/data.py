"""Entry point `data`: `python -m steps.data`, or `mlflow run . -e data`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.data import data

main = step_command(data)

if __name__ == "__main__":
    main()
