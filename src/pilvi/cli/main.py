"""The command `pilvi`: its subcommands, loaded when they are called.

Every command prints text for people, or one JSON document with `--json`. A problem that a person can mend
is one sentence, then what to do; never a traceback.
"""

from __future__ import annotations

import importlib
import sys

import click

from pilvi import __version__
from pilvi.base.errors import PilviError

COMMANDS = {
    "up": ("pilvi.cli.up:up", "Start the cloud."),
    "status": ("pilvi.cli.inspect:status", "Tell whether it runs, where, and with what."),
    "reset": ("pilvi.cli.inspect:reset", "Erase everything it holds."),
    "logs": ("pilvi.cli.logs:logs", "Show the server's log."),
    "env": ("pilvi.cli.inspect:env", "Print export lines for AWS clients."),
    "runtimes": ("pilvi.cli.inspect:runtimes", "List the interpreters that run functions."),
    "clock": ("pilvi.cli.clock:clock", "Freeze, advance or resume the cloud's clock."),
    "trace": ("pilvi.cli.inspect:trace", "Tell the story of a request through all services."),
    "iam": ("pilvi.cli.iam:iam", "Tell who may what, and why; write least-privilege policies."),
    "s3": ("pilvi.cli.s3:s3", "Tell what lifecycle rules do, and what buckets take up."),
    "dynamodb": ("pilvi.cli.dynamodb:dynamodb", "Show tables, and copy their items out or in."),
    "sqs": ("pilvi.cli.sqs:sqs", "Show queues, look at messages, send dead letters back."),
    "lambda": (
        "pilvi.cli.lambda_:lambda_",
        "Run, watch and package functions; show what they write.",
    ),
    "check": ("pilvi.cli.care:check", "Verify every invariant of a data directory."),
    "scrub": ("pilvi.cli.scrub:scrub", "Read all stored bodies and find what has rotted."),
    "backup": ("pilvi.cli.care:backup", "Copy a data directory, also while it is in use."),
    "restore": ("pilvi.cli.care:restore", "Make a data directory of a backup."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pilvi")
def pilvi() -> None:
    """A serverless cloud that you own."""


def main() -> None:
    try:
        pilvi.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except PilviError as error:
        click.secho(f"pilvi: {error.problem}", fg="red", err=True)
        if error.advice:
            click.echo(error.advice, err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(141)
