"""`python -m pilvi` is the command `pilvi`."""

from pilvi.cli.main import main

if __name__ == "__main__":
    main()
