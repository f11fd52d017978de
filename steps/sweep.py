"""Entry point `sweep`: `python -m steps.sweep`, or `mlflow run . -e sweep`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.sweep import sweep

main = step_command(sweep)

if __name__ == "__main__":
    main()
