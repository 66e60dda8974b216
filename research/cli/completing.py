"""Completion: what shells are to be told once."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

VARIABLE = "_RESEARCH_COMPLETE"
SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
EPILOG = """\b
Examples:
  eval "$(research completion bash)"              in ~/.bashrc
  eval "$(research completion zsh)"               in ~/.zshrc
  research completion fish > ~/.config/fish/completions/research.fish
"""


@click.command(epilog=EPILOG, short_help="Print what completes commands in a shell.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options, names of studies, ids and columns."""
    click.echo(SHELLS[shell](ctx.find_root().command, {}, "research", VARIABLE).source())
