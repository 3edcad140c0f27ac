"""The local agents that `make up` runs beside the portal."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.runtime.processes import Process

_TIMEOUT = 5


class AgentError(RuntimeError):
    """A local agent could not be enrolled; the message is the agent's own."""


@dataclass(frozen=True)
class LocalAgent:
    """One agent: its name, its folder, the loopback port it answers on."""

    name: str
    folder: Path
    port: int

    @property
    def is_enrolled(self) -> bool:
        """Say whether the agent holds an identity already."""
        return (self.folder / "identity.json").exists()

    def enroll(self, *, edge_url: str, tenant: str, token: str) -> None:
        """Let the agent make its key and exchange the token for an identity."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        done = subprocess.run(  # noqa: S603  # our own arguments
            [
                *(*_agent(), "enroll", "--state", str(self.folder)),
                *("--edge", edge_url, "--tenant", tenant),
                *("--name", self.name, "--token", "-"),
            ],
            input=token,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AgentError(f"{self.name}: {done.stderr.strip()}")

    def process(self) -> Process:
        """Describe the running agent."""
        return Process(
            name=self.name,
            command=(
                *(*_agent(), "run", "--state", str(self.folder)),
                *("--port", str(self.port)),
            ),
            environment={"PYTHONUNBUFFERED": "1"},
        )

    def status(self) -> dict[str, Any]:
        """Return what the agent says of itself, or nothing if it does not answer."""
        return _exchange(self.port, "GET", "/status", None)

    def decide(self, question: dict[str, Any]) -> bool | None:
        """Ask an AuthZEN question; None when the agent does not answer."""
        answer = _exchange(self.port, "POST", "/access/v1/evaluation", question)
        decision = answer.get("decision")
        return decision if isinstance(decision, bool) else None


def local_agents(data: Path, count: int, first: int) -> list[LocalAgent]:
    """Return the descriptions of the local agents, in the order of their ports."""
    return [
        LocalAgent(f"node-{number}", data / "agents" / f"node-{number}", port)
        for number, port in enumerate(range(first, first + count), start=1)
    ]


def _agent() -> tuple[str, ...]:
    return (sys.executable, "-m", "node_agent")


def _exchange(port: int, method: str, path: str, body: object) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request(
            method,
            path,
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    else:
        return answer if isinstance(answer, dict) else {}
    finally:
        connection.close()
