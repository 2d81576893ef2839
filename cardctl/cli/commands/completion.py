"""completion: the script with which a shell completes cardctl's lines."""

from typing import Annotated

import typer

from cardctl.cli.completion import SCRIPTS, Shell
from cardctl.cli.context import Context
from cardctl.cli.verbs import Noun

noun = Noun("completion")


@noun.verb(
    "completion",
    shows=False,
    examples=(
        "cardctl completion bash >> ~/.bashrc",
        "cardctl completion zsh > ~/.zfunc/_cardctl",
        "cardctl completion fish > ~/.config/fish/completions/cardctl.fish",
    ),
)
def completion(
    context: Context, shell: Annotated[Shell, typer.Argument(help="Your shell.")]
) -> None:
    """Print the completion script of a shell."""
    context.write(SCRIPTS[shell])
