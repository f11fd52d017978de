"""`python -m pipesql` is the command `pipesql`."""

from pipesql.cli.main import main

if __name__ == "__main__":
    main(prog_name="pipesql")
