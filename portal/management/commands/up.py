"""Start everything on this machine, and stay until Ctrl-C."""

from __future__ import annotations

import json
import signal
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from portal.runtime.agents import AgentError
from portal.runtime.broker import EmbeddedBrokerError
from portal.runtime.demo import Demo, DemoError
from portal.runtime.postgres import EmbeddedPostgresError
from portal.runtime.report import Report
from portal.runtime.stack import Stack, StackError, StackOptions

_KEEP_ALIVE_EVERY = 0.25
_EXPECTED = (
    AgentError,
    DemoError,
    EmbeddedBrokerError,
    EmbeddedPostgresError,
    StackError,
)


class Command(BaseCommand):
    """Start database, broker, web, edge, worker and agents; supervise them."""

    help = "Start everything on this machine with demo data; Ctrl-C stops it."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own shape
    requires_migrations_checks = False

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", help="folder for everything that is written")
        parser.add_argument("--web-port", help="port of the portal (8000)")
        parser.add_argument("--edge-port", help="port that agents dial (8001)")
        parser.add_argument("--agent-port", type=int, default=8181)
        parser.add_argument("--agents", type=int, default=3)
        parser.add_argument("--no-demo", action="store_true", help="start empty")
        parser.add_argument("--exit", action="store_true", help="stop after the check")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @override
    def handle(self, *_args: object, **options: Any) -> None:
        stop = threading.Event()
        _stop_on_signal(stop)
        started = time.monotonic()
        stack_options = StackOptions(
            data=Path(settings.PORTWARD_DATA_DIR),
            web_port=int(settings.PORTWARD_WEB_PORT),
            edge_port=int(settings.PORTWARD_EDGE_PORT),
        )
        quiet = options["json"]
        try:
            with Stack(stack_options) as stack:
                self._say("Starting database and broker …", quiet=quiet)
                stack.start_services()
                self._say("Starting portal, edge and worker …", quiet=quiet)
                stack.start_portal()
                demo = Demo(stack, count=options["agents"], first=options["agent_port"])
                report = demo.walk(
                    empty=options["no_demo"],
                    say=lambda text: self._say(text, quiet=quiet),
                )
                report.seconds = time.monotonic() - started
                self._print(report, as_json=options["json"])
                if options["exit"]:
                    self._leave(report)
                    return
                self._say("\nCtrl-C stops everything.", quiet=quiet)
                while not stop.wait(_KEEP_ALIVE_EVERY):
                    stack.keep_alive()
                self._say("\nStopping …", quiet=quiet)
        except _Interrupted:
            self._say("\nStopped.", quiet=quiet)
        except _EXPECTED as error:
            raise CommandError(str(error)) from error

    def _say(self, text: str, *, quiet: bool) -> None:
        if not quiet:
            self.stdout.write(text)
            self.stdout.flush()

    def _print(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.as_dict(), indent=2))
        else:
            self.stdout.write(report.as_text())
        self.stdout.flush()

    def _leave(self, report: Report) -> None:
        if not report.is_good:
            raise CommandError("\n".join(report.problems()), returncode=1)


class _Interrupted(BaseException):
    """Ctrl-C while the stack is still starting."""


def _stop_on_signal(stop: threading.Event) -> None:
    """End politely on the first signal: at once while starting, else via the loop."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            return
        stop.set()
        raise _Interrupted

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
