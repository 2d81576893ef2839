"""demo: the tour on sample data, in a home of its own."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cardctl.cli import tour
from cardctl.cli.context import Context
from cardctl.cli.language import _, speak, spoken
from cardctl.cli.verbs import Noun

noun = Noun("demo")


@noun.verb("demo", shows=False, examples=("cardctl demo", "cardctl demo --home tour"))
def demo(
    context: Context,
    home: Annotated[
        Path | None,
        typer.Option(help="An empty folder to use; else a new temporary one.", metavar="DIR"),
    ] = None,
) -> None:
    """Take the tour on sample data in a throw-away home."""
    from cardctl.cli.main import run

    language = spoken()
    folder = _prepare(home)
    with _at_home_in(folder):
        export = f"export CARDCTL_HOME={shlex.quote(str(folder))}"
        context.write(f"$ {export} {tour.PASSWORD_VARIABLE}={tour.PASSWORD}\n")
        for step in tour.steps():
            context.write(f"\n# {step.why}\n" if step.why else "\n")
            context.write(f"$ {step.line}\n")
            status = run(shlex.split(step.line)[1:])
            speak(language)
            if status != step.status:
                raise tour.TourBroken(
                    line=step.line, status=status, expected=int(step.status), home=str(folder)
                )
            if status:
                context.write(_("(status {status})").format(status=status) + "\n")
    context.write(_closing(folder))


def _prepare(home: Path | None) -> Path:
    """A folder with the sample files in it."""
    if home is None:
        folder = Path(tempfile.mkdtemp(prefix="cardctl-demo-"))
    else:
        folder = home.expanduser().absolute()
        if folder.exists() and any(folder.iterdir()):
            raise tour.FolderInUse(folder=str(folder))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in tour.FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(tour.sample_folder() / name, folder / name)
    return folder


@contextmanager
def _at_home_in(folder: Path) -> Iterator[None]:
    """Nothing of the caller's own cardctl is seen meanwhile: no store, no key, no profile."""
    before, place = dict(os.environ), Path.cwd()
    for name in list(os.environ):
        if name.startswith("CARDCTL_") or name == "CREDENTIALS_DIRECTORY":
            del os.environ[name]
    os.environ |= {
        "CARDCTL_HOME": str(folder),
        # Named, so that no project file above the folder can name another one.
        "CARDCTL_STORE": f"sqlite:///{folder / 'cardctl.db'}",
        "CARDCTL_LANG": spoken(),
        tour.PASSWORD_VARIABLE: tour.PASSWORD,
    }
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


def _closing(folder: Path) -> str:
    """What the tour left, where, and how to go on or to be rid of it."""
    left = (
        ("cardctl.db", _("the store; no card in it can be read without the key")),
        ("demo.key", _("the key of its vault")),
        ("recovery.txt", _("the recovery code, for when the key is lost")),
        ("config.toml", _("the settings, with the source of the key")),
        ("cards.xlsx, staff-cards.xlsx", _("what was delivered; its password is that of the tour")),
        (", ".join(tour.FILES), _("the sample files; keys in clear, all made up")),
    )
    lines = [_("What the tour left in {folder}:").format(folder=folder)]
    lines += [f"  {name}: {what}" for name, what in left]
    quoted = shlex.quote(str(folder))
    lines += [
        _("To look around: {line}").format(line=f"export CARDCTL_HOME={quoted}; cardctl status"),
        _("To be rid of it: {line}").format(line=f"rm -r {quoted}"),
    ]
    return "\n" + "\n".join(lines) + "\n"
