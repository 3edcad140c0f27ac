"""What each command does: ask the portal, show the answer, and say how it went."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.prompt import Confirm

from portward_cli import rendering
from portward_cli.client import CHANGE_ACCESS, Portal
from portward_cli.errors import CommandError, Exit, Reason, UsageError
from protocol.approvals import parse_keys
from protocol.bundle import Snapshot, read_snapshot
from protocol.canonical import parse_json
from protocol.errors import ProtocolError
from protocol.provenance import Provenance, provenance

STANDARD_INPUT = "-"
_LARGEST = 16 * 1024 * 1024


class Session:
    """One command with its portal, its options and where it prints."""

    def __init__(self, portal: Portal, options: argparse.Namespace) -> None:
        self.portal = portal
        self.options = options
        self.out = Console(highlight=False, soft_wrap=True)
        # What people read while they wait must not get into a pipe.
        self.aside = Console(stderr=True, highlight=False, soft_wrap=True)

    def shows_json(self, answer: object) -> bool:
        """Print an answer as JSON if that was asked for."""
        if self.options.json:
            rendering.as_json(self.out, answer)
        return bool(self.options.json)


def export(session: Session) -> Exit:
    """Write the tenant as canonical YAML."""
    answer = session.portal.get("tenant-file", side=session.options.side)
    if session.options.output:
        path = Path(session.options.output)
        path.write_text(answer["text"], encoding="utf-8")
        session.aside.print(f"{path}: {answer['digest']}")
    elif not session.shows_json(answer):
        sys.stdout.write(answer["text"])
    return Exit.DONE


def plan(session: Session) -> Exit:
    """Say what applying a file would do, and to whom."""
    body = {
        "text": _text(session),
        "impact": not session.options.without_impact,
        "prune": session.options.prune,
    }
    answer = session.portal.ask("tenant-file/plan", body)
    if not session.shows_json(answer):
        rendering.plan(session.out, answer)
        if "impact" in answer and not rendering.is_quiet(answer):
            rendering.impact(session.out, answer["impact"])
    is_changing = session.options.exit_code and not rendering.is_quiet(answer)
    return Exit.CHANGES if is_changing else Exit.DONE


def apply(session: Session) -> Exit:
    """Apply a file as it is planned now, once its person has confirmed it."""
    options, text = session.options, _text(session)
    said = {"text": text, "prune": options.prune}
    planned = session.portal.ask("tenant-file/plan", said)
    proposes = bool(options.propose and planned["drafts"])
    if rendering.is_quiet(planned) and not proposes:
        if not session.shows_json(planned):
            rendering.plan(session.out, planned)
        return Exit.DONE
    if not options.json:
        rendering.plan(session.out, planned)
    _require_yes(session, rendering.removals(planned))
    body = said | {"planned": planned["before"]}
    if proposes:
        body |= {"title": options.propose, "reason": options.reason}
    answer = session.portal.change(
        "tenant-file/apply",
        body,
        operation=CHANGE_ACCESS,
        confirm=lambda url: session.aside.print(
            f"Confirm with your passkey: [bold]{url}[/]"
        ),
    )
    if not session.shows_json(answer):
        session.out.print(f"Applied: {answer['after']}")
        for request in answer["request_ids"]:
            session.out.print(f"Waits for approval: {request}")
    return Exit.DONE


def test(session: Session) -> Exit:
    """Run the tests beside all policies, as a file would leave them."""
    answer = session.portal.ask("tenant-file/tests", {"text": _text(session)})
    if session.shows_json(answer):
        failed = sum(len(one["problems"]) for one in answer)
    else:
        failed = rendering.reports(session.out, answer)
    return Exit.FOUND if failed else Exit.DONE


def lint(session: Session) -> Exit:
    """Look for what is wrong with the policies of a file before anybody runs them."""
    answer = session.portal.ask("lint", {"text": _text(session)})
    found = answer["findings"]
    if session.shows_json(answer):
        errors = sum(one["severity"] == "error" for one in found)
    else:
        errors = rendering.findings(session.out, found)
        session.out.print(f"{errors} errors, {len(found) - errors} other findings.")
    worst = session.options.strict and found
    return Exit.FOUND if errors or worst else Exit.DONE


def simulate(session: Session) -> Exit:
    """Decide one question with the agent's own evaluator."""
    options = session.options
    body: dict[str, Any] = {
        "principal": options.principal,
        "action": options.action,
        "resource": options.resource,
        **dict(_pair(text) for text in options.context),
    }
    for name in ("against", "at"):
        if getattr(options, name):
            body[name] = getattr(options, name)
    answer = session.portal.ask("simulate", body)
    if not session.shows_json(answer):
        rendering.decision(session.out, answer)
    expected = {"allow": True, "deny": False}.get(options.expect)
    is_met = expected is None or answer["asked"]["decision"] is expected
    return Exit.DONE if is_met else Exit.FOUND


def verify(session: Session) -> Exit:
    """Check that the tenant says what a file says, and that its release adds up."""
    answer = session.portal.ask("tenant-file/plan", {"text": _text(session)})
    tenant = session.portal.get("tenants")["results"][0]["slug"]
    blob = session.portal.download(f"tenants/{tenant}/bundle")
    try:
        snapshot = read_snapshot(blob)
    except ProtocolError as error:
        raise CommandError(
            Reason("cli.bundle_broken", f"The bundle does not add up: {error}.")
        ) from error
    manifest = snapshot.manifest
    found: dict[str, Any] = {
        "matches": rendering.is_quiet(answer) and not answer["unmanaged"],
        "digest": answer["before"],
        "revision": manifest.revision,
        "state_digest": manifest.state_digest,
        "bundle": "sha256:" + hashlib.sha256(blob).hexdigest(),
    }
    chains = _explained(session, snapshot) if session.options.explain else []
    if session.options.explain:
        found["policies"] = [one.to_dict() for one in chains]
    if not session.shows_json(found):
        rendering.plan(session.out, answer)
        session.out.print(f"Release {manifest.revision}: {manifest.state_digest}")
        rendering.chains(session.out, chains)
    is_proven = all(one.holds for one in chains)
    return Exit.DONE if found["matches"] and is_proven else Exit.FOUND


def keys(session: Session) -> Exit:
    """Write whose the passkeys are that votes are signed with, and since when."""
    listed = {"v": 1, "type": "approver-keys", "keys": _listed(session)}
    text = json.dumps(listed, indent=2, ensure_ascii=False) + "\n"
    if session.options.output:
        Path(session.options.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return Exit.DONE


def _explained(session: Session, snapshot: Snapshot) -> list[Provenance]:
    """Trace each policy back with the keys of a file, or with those of the portal."""
    name = session.options.keys
    try:
        value = parse_json(_read(name)) if name else {"keys": _listed(session)}
        return provenance(snapshot.records, snapshot.certificates, parse_keys(value))
    except ProtocolError as error:
        raise UsageError(
            f"{name or 'The portal'}: {error}.", "Write one with `portward keys`."
        ) from error


def _listed(session: Session) -> list[Any]:
    return session.portal.all("approver-keys")


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error}.", "Name a readable file.") from error


def _text(session: Session) -> str:
    name = session.options.file
    try:
        if name == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            raw = Path(name).read_bytes()
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: {error}.", "Name a readable UTF-8 file.") from error
    if len(raw) > _LARGEST:
        raise UsageError(f"{name} is too large.", "Split it.")
    return text


def _require_yes(session: Session, removals: int) -> None:
    has_keyboard = session.options.file != STANDARD_INPUT
    if session.options.yes or not (has_keyboard or removals):
        # There is no keyboard behind a pipe, and the passkey is asked for all the same.
        return
    if not has_keyboard:
        raise UsageError(
            f"{removals} items would be removed; nothing was changed.",
            "Read `plan --prune`, and give --yes.",
        )
    question = (
        f"Apply this, and remove {removals} items?" if removals else "Apply this?"
    )
    if not Confirm.ask(question, console=session.aside, default=False):
        raise UsageError("Nothing was changed.", "Answer y, or give --yes.")


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"“{text}” says nothing.", "Write name=value, as in mfa=2.")
    return name, value


def token_from_environment() -> str:
    """Return the token, which never is an argument: those stand in process lists."""
    return os.environ.get("PORTWARD_TOKEN", "")
