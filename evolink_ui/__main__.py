"""Entry point of the command `evolink-ui`, also as `python -m evolink_ui`."""

import sys

from evolink_ui.extras import MissingExtra, require


def main() -> None:
    """Run the command. A missing extra ends in one line that says how to install it."""
    try:
        require("cli")
        from evolink_ui.cli import cli

        cli(prog_name="evolink-ui")
    except MissingExtra as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
