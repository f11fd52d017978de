"""Entry point `promote`: `python -m steps.promote`, or `mlflow run . -e promote`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.promote import promote

main = step_command(promote)

if __name__ == "__main__":
    main()
