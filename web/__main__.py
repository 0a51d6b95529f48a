"""The ``ovation`` command line."""

import sys
from typing import Any

import click

from web import account_commands, bench, ledger_commands
from web.settings import BadSettings, Settings, documented, read_settings


class SettingsInHelp(click.Command):
    """A command whose help lists every setting."""

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the settings below the options."""
        with formatter.section("Settings (environment)"):
            formatter.write_dl(
                [
                    (name, f"{doc} [default: {default or 'unset'}]")
                    for name, default, doc in documented()
                ]
            )


def settings_or_exit() -> Settings:
    """Return the settings, or end with every complaint about them."""
    try:
        return read_settings()
    except BadSettings as error:
        for complaint in error.complaints:
            click.echo(complaint, err=True)
        sys.exit(2)


@click.group()
@click.version_option(package_name="ovation-live")
def main() -> None:
    """Live rooms, virtual gifts and their books."""


@main.command(cls=SettingsInHelp)
def serve() -> None:
    """Run the server."""
    from web.serving import serve as run  # not at the top: the other commands start faster

    sys.exit(run(settings_or_exit()))


@main.command()
def demo() -> None:
    """Run the server with a test-pattern broadcaster and lively viewers, in var/demo."""
    from web.demo import run_demo

    sys.exit(run_demo())


@main.command()
def migrate() -> None:
    """Bring the database to the newest shape."""
    from web.migrations import upgrade

    upgrade(settings_or_exit().database_url)
    click.echo("The database has the newest shape.")


def add(*commands: Any) -> None:
    """Add commands other modules define."""
    for command in commands:
        main.add_command(command)


add(account_commands.accounts, account_commands.rooms, ledger_commands.ledger, bench.bench)

if __name__ == "__main__":
    main(prog_name="ovation")
