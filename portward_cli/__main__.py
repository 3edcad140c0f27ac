"""The command line: `portward export | plan | apply | lint | test | verify | …`.

Exit codes:

    0  done; nothing is wrong
    1  something was found: errors, failing tests, drift, an unexpected decision,
       or the portal refused what was sent
    2  wrong usage
    3  the portal does not answer, or the token may not
    4  `plan --exit-code`: applying the file would change something
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from portward_cli import commands, rendering
from portward_cli.client import Portal, Target
from portward_cli.commands import STANDARD_INPUT, Session, token_from_environment
from portward_cli.errors import CommandError, Exit, UsageError

Command = Callable[[Session], Exit]
Connect = Callable[[Target], Portal]


def main(arguments: Sequence[str] | None = None, connect: Connect = Portal) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(Session(connect(_target(options)), options))
    except CommandError as error:
        rendering.reasons(
            Console(stderr=True, highlight=False, soft_wrap=True), error.reasons
        )
        return error.exit
    except BrokenPipeError:
        return Exit.DONE
    except KeyboardInterrupt:
        return Exit.USAGE


def _target(options: argparse.Namespace) -> Target:
    token = token_from_environment()
    if not options.url:
        raise UsageError(
            "It is not said which portal.", "Give --url, or set PORTWARD_URL."
        )
    if not token:
        raise UsageError(
            "There is no token.",
            "Issue one under Account → API tokens, and set PORTWARD_TOKEN.",
        )
    return Target(options.url, token, options.ca)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portward",
        description="Policy as code: the tenant of a token as a file, checked, planned "
        "and applied.",
        epilog="PORTWARD_URL and PORTWARD_TOKEN say which portal, and as whom.",
    )
    parser.add_argument(
        "--url", default=os.environ.get("PORTWARD_URL", ""), help="the portal's address"
    )
    parser.add_argument(
        "--ca",
        default=os.environ.get("PORTWARD_CA", ""),
        help="file with the certificates of a private issuer",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    kinds = parser.add_subparsers(required=True, metavar="COMMAND")
    _export(kinds)
    _file(kinds, "lint", commands.lint).add_argument(
        "--strict", action="store_true", help="warnings fail too"
    )
    _file(kinds, "test", commands.test)
    _simulate(kinds)
    _plan(kinds)
    _apply(kinds)
    _verify(kinds)
    _keys(kinds)
    return parser


def _add(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
) -> argparse.ArgumentParser:
    words = (command.__doc__ or "").strip()
    parser = kinds.add_parser(name, help=words, description=words)
    parser.set_defaults(command=command)
    return parser


def _file(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
) -> argparse.ArgumentParser:
    parser = _add(kinds, name, command)
    parser.add_argument(
        "file",
        nargs="?",
        default=STANDARD_INPUT,
        help="the tenant's file; by default standard input",
    )
    return parser


def _export(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(kinds, "export", commands.export)
    parser.add_argument(
        "--side",
        choices=["live", "draft"],
        default="live",
        help="what nodes run, or what is being written",
    )
    parser.add_argument("-o", "--output", default="", help="write to this file")


def _verify(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _file(kinds, "verify", commands.verify)
    parser.add_argument(
        "--explain",
        action="store_true",
        help="check every vote behind each policy: signature, key and quorum",
    )
    parser.add_argument(
        "--keys",
        default="",
        metavar="FILE",
        help="list of keys written earlier by `keys`; by default the portal's",
    )


def _keys(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(kinds, "keys", commands.keys)
    parser.add_argument("-o", "--output", default="", help="write to this file")


def _plan(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _file(kinds, "plan", commands.plan)
    parser.add_argument(
        "--exit-code", action="store_true", help="leave with 4 if anything changes"
    )
    _prunes(parser)
    parser.add_argument(
        "--without-impact", action="store_true", help="do not compare who may do what"
    )


def _apply(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _file(kinds, "apply", commands.apply)
    _prunes(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask before")
    parser.add_argument(
        "--propose",
        default="",
        metavar="TITLE",
        help="propose the drafts under a title",
    )
    parser.add_argument("--reason", default="", help="why, for those who approve")


def _prunes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prune", action="store_true", help="remove what the file leaves out"
    )


def _simulate(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(kinds, "simulate", commands.simulate)
    parser.add_argument("principal", help="as in User::alice")
    parser.add_argument("action", help="as in restart")
    parser.add_argument("resource", help="as in Node::web-1")
    parser.add_argument(
        "--against", default="", help="live, draft:POLICY or version:POLICY@NUMBER"
    )
    parser.add_argument("--at", default="", help="an instant, as 2026-12-24T08:00:00Z")
    parser.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is known of the request, as mfa=2 or ip=10.1.2.3",
    )
    parser.add_argument(
        "--expect", choices=["allow", "deny"], default="", help="fail on the other"
    )


if __name__ == "__main__":
    sys.exit(main())
