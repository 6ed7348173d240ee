"""The command `evolink-ui`. Each subcommand imports its own part of the app when it runs."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evolink_ui import __version__
from evolink_ui.admin import admin
from evolink_ui.extras import require

cli = typer.Typer(
    help="Motion control with EvoLink: the app, its sandbox and a check of files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # our own errors are one line; a bug needs its plain traceback
)


cli.add_typer(admin, name="admin")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@cli.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@cli.command()
def serve() -> None:
    """Start the app. Its settings are environment variables, or lines of a file .env in this folder."""
    from evolink_ui.serve import main

    main()


# `python -m evolink_ui.sandbox` has the same options; its own parser reads them, --help too.
@cli.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def sandbox(context: typer.Context) -> None:
    """Serve EvoLink's API on this machine: real videos, play money. Options: evolink-ui sandbox --help."""
    from evolink_ui.sandbox.__main__ import main

    main(context.args, program="evolink-ui sandbox")


class Facing(StrEnum):
    """`character_orientation` of the order, which decides how long the video may be."""

    IMAGE = "image"
    VIDEO = "video"


@cli.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos.")],
    facing: Annotated[
        Facing, typer.Option(help="Whether the character faces like the picture (up to 10 s) or the video (30 s).")
    ] = Facing.IMAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file.")] = False,
) -> None:
    """Check files as an order would; nothing is sent. Exit code 1: at least one of them would be refused."""
    require("app")
    from evolink_ui import media

    everything_good = True
    for path in files:
        report = media.check_image(path)
        # The content decides, not the file's name; what is no picture is seen from its first bytes.
        if any(problem.code == "not_an_image" for problem in report.problems):
            report = media.check_video(path, facing.value)
        everything_good = everything_good and report.ok
        if as_json:
            typer.echo(json.dumps({"file": str(path), **report.to_dict()}))
            continue
        typer.echo(f"{path}: {'good' if report.ok else 'would be refused'}")
        for found in (*report.problems, *report.warnings):
            typer.echo(f"  {found.message} {found.next_step}")
    raise typer.Exit(0 if everything_good else 1)
