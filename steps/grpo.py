"""Entry point `grpo`: `python -m steps.grpo`, or `mlflow run . -e grpo`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.grpo import grpo

main = step_command(grpo)

if __name__ == "__main__":
    main()
