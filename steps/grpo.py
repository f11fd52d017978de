"""Entry point `grpo`: `python -m steps.grpo`, or `mlflow run . -e grpo`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.grpo import grpo

main = StepCommand(grpo)

if __name__ == "__main__":
    main()
