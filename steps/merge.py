"""Entry point `merge`: `python -m steps.merge`, or `mlflow run . -e merge`."""

from pipesql.workflows.command import step_command
from pipesql.workflows.merge import merge

main = step_command(merge)

if __name__ == "__main__":
    main()
