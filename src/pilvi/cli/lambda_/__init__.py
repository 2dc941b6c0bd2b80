"""`pilvi lambda`: write, run, watch and package functions. The running server answers, through Lambda's own API."""

from __future__ import annotations

import click

from pilvi.cli.lambda_.debug import debug
from pilvi.cli.lambda_.invoke import invoke
from pilvi.cli.lambda_.logs import logs
from pilvi.cli.lambda_.package import package
from pilvi.cli.lambda_.watch import watch

__all__ = ["lambda_"]


@click.group("lambda")
def lambda_() -> None:
    """Run functions, read their logs, run what a folder holds as soon as it is saved, make packages.

    The credentials of the environment are asked for; without any, an open server takes the default account.
    """


for _command in (invoke, logs, watch, debug, package):
    lambda_.add_command(_command)
