"""What a verb gets: settings, the store, the vault and the audited run, each opened when asked."""

import getpass
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cardctl import clock
from cardctl.cli import prompts
from cardctl.cli.language import _, speak
from cardctl.cli.output import Column, Output, Shown, show
from cardctl.cli.parsing import BadOptionValue
from cardctl.cli.progress import Progress, draw
from cardctl.cli.terminal import escape, write
from cardctl.errors import BadValue, ExitStatus
from cardctl.settings import Language, Settings, current_folder, load_settings

if TYPE_CHECKING:
    from sqlmodel import Session

    from cardctl.audit.record import Actor, Run
    from cardctl.storage.store import Store
    from cardctl.vault.keyset import Vault


@dataclass
class Invocation:
    """What stood on the command line besides the verb's own parameters."""

    flags: dict[str, Any] = field(default_factory=dict)
    command: str = "cardctl"
    """The noun and the verb, as far as the line was understood."""

    def note_flags(self, flags: Mapping[str, Any]) -> None:
        """Keep the options of the program, wherever on the line they stood."""
        self.flags |= {name: value for name, value in flags.items() if value}

    def switch(self, name: str) -> bool:
        """Whether a switch of the program was given."""
        return bool(self.flags.get(name))


@dataclass
class Context:
    """One run of one verb."""

    invocation: Invocation
    verb: str
    """`product.add`: how the audit log names it."""
    output: Output
    dry_run: bool
    yes: bool
    status: ExitStatus = ExitStatus.DONE
    """What the command ends with."""

    @cached_property
    def settings(self) -> Settings:
        """Flags, environment and configuration files."""
        flags = {
            "store": self.invocation.flags.get("store"),
            "profile": self.invocation.flags.get("profile"),
            "key_source": self.invocation.flags.get("key_source"),
            "language": self.invocation.flags.get("lang"),
        }
        return load_settings(flags, os.environ, current_folder())

    @cached_property
    def store(self) -> "Store":
        """The store, opened; from here on its language is spoken when nobody chose another."""
        from cardctl.storage.store import open_store

        store = open_store(self.settings.store)
        if self.settings.language is None and store.language in set(Language):
            speak(Language(store.language))
        return store

    @cached_property
    def vault(self) -> "Vault":
        """The vault, unlocked with the key that the settings and the environment name."""
        from cardctl.vault.unlock import unlock_vault

        with self.store.reading() as session:
            return unlock_vault(
                session,
                store_id=self.store.store_id,
                settings=self.settings,
                environment=os.environ,
                ask=None if self.no_input else self._ask_for_key,
            )

    @cached_property
    def run(self) -> "Run":
        """The audited run of this command; it touches the store with its first record."""
        return self.begin_run()

    def begin_run(self) -> "Run":
        """One more audited run, for a command that goes on and on; it begins now."""
        from cardctl.audit.record import begin_run

        return begin_run(
            audit_key=self.vault.audit_key,
            verb=self.verb,
            actor=self.actor,
            at=clock.now_ms(),
            zone=self.zone,
        )

    @cached_property
    def actor(self) -> "Actor":
        """Who runs this command, for the audit log."""
        from cardctl.audit.record import Actor

        return Actor(
            os_user=getpass.getuser(), host=socket.gethostname(), operator=self.settings.operator
        )

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone."""
        return self.store.zone

    @property
    def no_input(self) -> bool:
        """Whether nothing may be asked."""
        return not prompts.may_ask(no_input=self.invocation.switch("no_input"))

    @contextmanager
    def change(self) -> "Iterator[tuple[Session, Run]]":
        """One audited transaction; with --dry-run it is rolled back at the end."""
        with self.run.transaction(self.store, dry_run=self.dry_run) as session:
            yield session, self.run

    @contextmanager
    def reading(self) -> "Iterator[Session]":
        """One consistent view of the store."""
        with self.store.reading() as session:
            yield session

    def instant(self, option: str, text: str | None) -> int | None:
        """Epoch ms of an option's text, in the store's zone; raises a usage error."""
        try:
            return None if text is None else clock.parse_instant(text, self.zone)
        except BadValue as error:
            raise BadOptionValue(option=option, **error.details) from None

    def expiry(self, option: str, text: str | None, *, since: int | None = None) -> int | None:
        """The last good instant (epoch ms) that an option says: a day, +12m or never.

        A duration counts from `since` (epoch ms), or from now.
        """
        if text is None:
            return None
        today = clock.day_of(self.run.at if since is None else since, self.zone)
        try:
            return clock.parse_expiry(text, today=today, zone=self.zone)
        except (BadValue, ValueError, OverflowError):
            raise BadOptionValue(
                option=option, value=text, expected="a day, such as 2027-12-31, +12m or never"
            ) from None

    def show(
        self,
        value: object,
        columns: Sequence[Column],
        *,
        status: ExitStatus = ExitStatus.DONE,
        extra: Mapping[str, object] | None = None,
        zone: ZoneInfo | None = None,
    ) -> bool:
        """Show one thing (a dataclass or a dict) or a list of them, and end with `status`.

        `extra` adds fields to the JSON of one thing. `zone` is for what is shown before there is
        a store, else its zone is taken. Returns whether somebody may have read it.
        """
        single = not isinstance(value, list | tuple)
        added = dict(extra or {}) | ({"dry_run": True} if self.dry_run else {})
        shown = Shown(
            columns=tuple(columns),
            rows=[value] if single else list(value),  # type: ignore[call-overload]
            single=single,
            extra=added,
            zone=zone or self.zone,
        )
        is_read = show(self.output, shown)
        if self.dry_run and not self.output.is_json:
            self.note("Dry run: nothing was kept.")
        self.status = status
        return is_read

    def write(self, text: str) -> bool:
        """Write to stdout what is no table; returns whether somebody may still read."""
        return write(sys.stdout, text)

    def note(self, text: str, **values: object) -> None:
        """Talk on stderr, unless --quiet; `text` is a template of the catalogue."""
        if not self.invocation.switch("quiet"):
            write(sys.stderr, escape(_(text).format(**values)) + "\n")

    def warn(self, text: str, **values: object) -> None:
        """Warn on stderr, also with --quiet."""
        warning = _("warning: {text}").format(text=_(text).format(**values))
        write(sys.stderr, escape(warning) + "\n")

    def confirm(self, question: str, **values: object) -> None:
        """Go on only after a yes; raises when it is no, or when nobody can be asked."""
        if not (self.yes or self.dry_run):
            prompts.confirm(_(question).format(**values), may_ask=not self.no_input)

    def confirm_by_typing(self, name: str, question: str, **values: object) -> None:
        """Go on only after the name was typed: for what cannot be undone."""
        if not (self.yes or self.dry_run):
            asked = _(question).format(**values)
            prompts.confirm_by_typing(asked, name, may_ask=not self.no_input)

    def ask_secret(self, question: str, **values: object) -> str:
        """A secret, typed without being shown; raises when nobody can be asked."""
        return prompts.ask_secret(_(question).format(**values), may_ask=not self.no_input)

    def ask_new_secret(self, question: str) -> str:
        """A new secret, typed twice; raises when nobody can be asked."""
        return prompts.ask_new_secret(_(question), may_ask=not self.no_input)

    def _ask_for_key(self) -> str:
        return self.ask_secret("Passphrase or recovery code")

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Progress]:
        """A bar on stderr while bulk work goes on; drawn on a terminal only."""
        if self.invocation.switch("quiet") or not sys.stderr.isatty():
            yield Progress()
            return
        with draw(_(label), total) as bar:
            yield bar
