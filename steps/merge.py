"""Entry point `merge`: `python -m steps.merge`, or `mlflow run . -e merge`."""

from pipesql.workflows.command import StepCommand
from pipesql.workflows.merge import merge

main = StepCommand(merge)

if __name__ == "__main__":
    main()
