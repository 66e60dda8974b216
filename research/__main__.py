"""`python -m research`: the command line."""

from research.cli.main import main

if __name__ == "__main__":
    main()
