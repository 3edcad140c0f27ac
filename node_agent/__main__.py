"""The command line: `portward-agent enroll | run | decide | status | verify`.

Exit codes:

    0  done; for `decide`: permitted
    1  it did not work: edge unreachable, state folder unusable, not enrolled
    2  wrong usage
    3  `decide`: denied
    4  a release was refused by one of the numbered steps, or `verify --explain` found
       that somebody did not approve what they are said to
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.decide import Request
from engine.errors import ContextError
from engine.obligations import as_json
from node_agent.agent import RunOptions, run_agent
from node_agent.config import Identity, StatePaths, create_key, write_durably
from node_agent.errors import AgentError, NotEnrolledError
from node_agent.link import Edge
from node_agent.requests import DRAFT
from node_agent.state import AgentState, utc_now
from node_agent.steps import STEP_TITLES, Trace
from node_agent.trust_store import TrustStore, check_root
from protocol.approvals import parse_keys
from protocol.canonical import parse_json
from protocol.delta import Content
from protocol.errors import ProtocolError
from protocol.provenance import Provenance, provenance
from protocol.records import EntityRef

DEFAULT_PORT = 8181
_TOKEN_VARIABLE = "PORTWARD_JOIN_TOKEN"  # noqa: S105  # the name of a variable

log = logging.getLogger("node_agent")


class Exit(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DENIED = 3
    REFUSED = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], Exit] = options.command
    try:
        return command(options)
    except ProtocolError as error:
        _complain(options, error)
        return Exit.FAILED if isinstance(error, AgentError) else Exit.REFUSED


def enroll(options: argparse.Namespace) -> Exit:
    """Make a key on this node and trade a join token for an identity."""
    paths = StatePaths(options.state)
    paths.create()
    key = create_key(paths)
    edge = Edge(options.edge, ca_file=options.ca_file)
    joined = edge.enroll(
        tenant=options.tenant, token=_token(options), name=options.name, key=key
    )
    edge.close()
    check_root(joined.root, expected=options.root_digest)
    if joined.tenant != options.tenant:
        raise NotEnrolledError(f"The edge enrolled us for tenant {joined.tenant}.")
    write_durably(paths.root, joined.root)
    identity = Identity(
        tenant=joined.tenant,
        node=joined.node,
        name=options.name,
        edge=options.edge,
        floor=joined.revision,
        groups=joined.groups,
    )
    identity.save(paths)
    _say(
        options,
        {"tenant": identity.tenant, "node": identity.node, "name": identity.name},
        f"Enrolled {identity.name} as node {identity.node}.",
    )
    return Exit.DONE


def run(options: argparse.Namespace) -> Exit:
    """Stay in step with the portal and answer access questions, until SIGTERM."""
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    run_agent(
        StatePaths(options.state),
        RunOptions(
            port=options.port,
            base_url=options.base_url or f"http://127.0.0.1:{options.port}",
            wait=options.wait,
            edge=options.edge,
            ca_file=options.ca_file,
            access_requests=options.access_requests,
        ),
    )
    return Exit.DONE


def decide(options: argparse.Namespace) -> Exit:
    """Ask the release on disk one question; no running agent is needed."""
    state = _open(options)
    release = state.load()
    request = Request(
        principal=options.principal,
        action=options.action,
        resource=options.resource,
        context=options.context,
        now=state.now(),
    )
    try:
        decision = state.decide(request, release)
    except ContextError as error:
        _complain(options, error)
        return Exit.USAGE
    answer = {
        "decision": decision.allowed,
        "reason": decision.reason,
        "determining": list(decision.determining),
        "errors": list(decision.errors),
        "obligations": as_json(decision.obligations),
        "details": list(decision.details),
        "revision": release.revision,
        "fingerprint": release.fingerprint,
        "evaluated_at": request.now.isoformat(),
    }
    verdict = "permitted" if decision.allowed else "denied"
    _say(options, answer, f"{verdict} ({decision.reason})")
    return Exit.DONE if decision.allowed else Exit.DENIED


def status(options: argparse.Namespace) -> Exit:
    """Print what the agent runs, its last contact with the edge, and its last error."""
    paths = StatePaths(options.state)
    identity = Identity.load(paths)
    known: dict[str, Any] = {
        "tenant": identity.tenant,
        "node": identity.node,
        "name": identity.name,
        "edge": identity.edge,
        "revision": None,
        "fingerprint": None,
        "last_contact": None,
        "last_error": None,
    }
    for source in (paths.current / "accepted.json", paths.status):
        known.update(_read_json(source))
    error = known["last_error"]
    lines = [
        f"node          {known['name']} ({known['node']})",
        f"revision      {_or_none(known['revision'])}",
        f"fingerprint   {_or_none(known['fingerprint'])}",
        f"last contact  {_or_none(known['last_contact'])}",
        f"last error    {_error_line(error)}",
    ]
    _say(options, known, "\n".join(lines))
    return Exit.DONE


def verify(options: argparse.Namespace) -> Exit:
    """Check a file, or the release on disk, and print every numbered step."""
    paths = StatePaths(options.state)
    identity = Identity.load(paths)
    trace = Trace()
    refusal: ProtocolError | None = None
    content: Content | None = None
    try:
        if options.file is None:
            content = AgentState(paths, identity).load(trace=trace).content
        else:
            verified = TrustStore(paths, identity).verify_file(
                options.file, now=utc_now(), trace=trace
            )
            content = verified.content
            verified.discard()
    except AgentError:
        raise
    except ProtocolError as error:
        refusal = error
    steps = [
        {"step": int(r.step), "passed": r.passed, "code": r.code, "detail": r.detail}
        for r in trace.results
    ]
    lines = [
        f"{r.step:2d}. {'ok     ' if r.passed else 'REFUSED'} "
        f"{STEP_TITLES[r.step]}: {r.code or r.detail}".rstrip(": ")
        for r in trace.results
    ]
    lines.append(
        "The release is good." if refusal is None else f"{refusal.code}: {refusal}"
    )
    found = _explained(content, options.keys) if options.explain and content else []
    lines += [line for one in found for line in one.lines()]
    is_proven = all(one.holds for one in found)
    policies = [one.to_dict() for one in found]
    told = {"proven": is_proven, "policies": policies} if options.explain else {}
    _say(
        options,
        {
            "ok": refusal is None,
            "error": refusal.code if refusal else "",
            "steps": steps,
            **told,
        },
        "\n".join(lines),
    )
    return Exit.DONE if refusal is None and is_proven else Exit.REFUSED


def _explained(content: Content, path: Path | None) -> list[Provenance]:
    records, certificates = content.state.records, content.certificates
    keys = None if path is None else parse_keys(_read_keys(path))
    return provenance(records.values(), certificates.values(), keys)


def _read_keys(path: Path) -> object:
    try:
        return parse_json(path.read_bytes())
    except OSError as error:
        raise AgentError(f"{path}: {error}") from error


def _open(options: argparse.Namespace) -> AgentState:
    paths = StatePaths(options.state)
    return AgentState(paths, Identity.load(paths))


def _token(options: argparse.Namespace) -> str:
    """Take the token from where other users of the machine cannot read it."""
    if options.token == "-":  # noqa: S105  # where to read the token
        return sys.stdin.readline().strip()
    token = options.token or os.environ.get(_TOKEN_VARIABLE, "")
    if not token:
        raise NotEnrolledError(f"Give --token, or set {_TOKEN_VARIABLE}.")
    return str(token)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _or_none(value: object) -> object:
    return "none" if value is None else value


def _error_line(error: dict[str, Any] | None) -> str:
    return "none" if error is None else f"{error['code']} at {error['at']}"


def _say(options: argparse.Namespace, values: dict[str, Any], text: str) -> None:
    print(json.dumps(values, indent=1) if options.json else text)  # noqa: T201  # the point of a command


def _complain(options: argparse.Namespace, error: ProtocolError) -> None:
    if options.json:
        _say(options, {"error": error.code, "message": error.message}, "")
    else:
        print(f"{error.code}: {error.message}", file=sys.stderr)  # noqa: T201  # the point of a command


def _entity(text: str) -> EntityRef:
    kind, found, name = text.partition("::")
    if not (kind and found and name):
        raise argparse.ArgumentTypeError(f'"{text}" is not TYPE::ID')
    return EntityRef(kind, name)


def _request_address(text: str) -> str:
    parts = urlsplit(text)
    is_local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise argparse.ArgumentTypeError(f'"{text}" is not an https address')
    return text


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portward-agent",
        description="Fetches, verifies and enforces the releases of a tenant.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_enroll(_add(commands, "enroll", enroll))
    _add_run(_add(commands, "run", run))
    _add_decide(_add(commands, "decide", decide))
    _add(commands, "status", status)
    _add_verify(_add(commands, "verify", verify))
    return parser


def _add(
    commands: Any,  # noqa: ANN401  # argparse does not name this type
    name: str,
    command: Callable[[argparse.Namespace], Exit],
) -> argparse.ArgumentParser:
    summary = (command.__doc__ or "").splitlines()[0]
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(os.environ.get("PORTWARD_STATE", "/var/lib/portward")),
        help="state folder of the node (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)
    return parser


def _add_enroll(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edge", required=True, help="address of the edge")
    parser.add_argument("--tenant", required=True, help="id of the tenant")
    parser.add_argument("--name", required=True, help="name of the node")
    parser.add_argument(
        "--token",
        help=f"join token; - reads standard input; default: {_TOKEN_VARIABLE}",
    )
    parser.add_argument("--root-digest", help="sha256:<hex> that the root must have")
    parser.add_argument("--ca-file", help="certificates to trust for HTTPS")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edge", help="another address than at enrollment")
    parser.add_argument("--ca-file", help="certificates to trust for HTTPS")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="on 127.0.0.1")
    parser.add_argument("--base-url", help="how callers reach this agent")
    parser.add_argument(
        "--access-requests",
        type=_request_address,
        metavar="URL",
        help="where requests for access go, such as "
        f"https://portal/access/v1/requests (AuthZEN draft of {DRAFT})",
    )
    parser.add_argument("--wait", type=int, default=25, help="seconds of a long poll")
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
    )


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, help="an envelope or a bundle; default: on disk"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="print from each policy back to those who approved it",
    )
    parser.add_argument(
        "--keys",
        type=Path,
        help="list of keys by `portward keys`: check whose those are that signed",
    )


def _add_decide(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--principal", required=True, type=_entity, metavar="TYPE::ID")
    parser.add_argument("--action", required=True)
    parser.add_argument("--resource", required=True, type=_entity, metavar="TYPE::ID")
    parser.add_argument(
        "--context", type=_json_object, default={}, metavar="JSON", help="a JSON object"
    )


if __name__ == "__main__":
    sys.exit(main())
