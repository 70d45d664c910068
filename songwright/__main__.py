"""The command `songwright`: checks that the rooms are this project's own, then hands over to `api.cli`."""

import sys
from importlib import import_module

from songwright import stolen_names


def main() -> None:
    """Run the command line; exits with 2 where a room's name leads elsewhere."""
    problem = stolen_names()
    if problem is not None:
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)
    import_module("api.cli").main()


if __name__ == "__main__":
    main()
