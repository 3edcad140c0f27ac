"""What `make up` prints: who runs what, and how to get in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_SHORT = 19


@dataclass(frozen=True)
class NodeLine:
    """What one node runs, compared with what it should run."""

    name: str
    tenant: str
    revision: int | None
    fingerprint: str
    in_sync: bool
    lag_ms: int | None
    port: int

    def as_dict(self) -> dict[str, Any]:
        """Return the line for the JSON report."""
        return dict(vars(self))


@dataclass(frozen=True)
class SampleLine:
    """One sample decision: what was expected, what a node answered."""

    question: str
    expected: bool
    answers: dict[str, bool | None]

    @property
    def is_good(self) -> bool:
        """Say whether every node answered as expected."""
        return bool(self.answers) and all(
            answer is self.expected for answer in self.answers.values()
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the line for the JSON report."""
        return {
            "question": self.question,
            "expected": self.expected,
            "answers": self.answers,
            "as_expected": self.is_good,
        }


@dataclass
class Report:
    """The outcome of a start."""

    url: str
    sign_in: str
    administrator: str
    nodes: list[NodeLine] = field(default_factory=list)
    samples: list[SampleLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    is_empty: bool = False

    @property
    def is_good(self) -> bool:
        """Say whether every node is in sync and every sample came out as expected."""
        if self.is_empty:
            return True
        return bool(self.nodes) and bool(self.samples) and not self.problems()

    def problems(self) -> list[str]:
        """Return a sentence for everything that is not as it should be."""
        late = [f"{n.name} is not in sync." for n in self.nodes if not n.in_sync]
        wrong = [
            f"{s.question}: expected {s.expected}, got {s.answers}."
            for s in self.samples
            if not s.is_good
        ]
        return late + wrong

    def as_dict(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {
            "ok": self.is_good,
            "url": self.url,
            "sign_in": self.sign_in,
            "administrator": self.administrator,
            "nodes": [node.as_dict() for node in self.nodes],
            "samples": [sample.as_dict() for sample in self.samples],
            "seconds": round(self.seconds, 2),
        }

    def as_text(self) -> str:
        """Return the report as a table for people."""
        lines = [
            "",
            f"  Portal     {self.url}",
            f"  Sign in    {self.sign_in}",
            f"             as {self.administrator}; the link works once, for 30 minutes"
            if "/enroll/" in self.sign_in
            else f"             as {self.administrator}, with your passkey",
        ]
        if self.nodes:
            lines += ["", *self._node_table()]
        if self.samples:
            good = sum(sample.is_good for sample in self.samples)
            lines += [
                "",
                f"  {good} of {len(self.samples)} sample decisions as expected",
            ]
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  {problem}" for problem in self.problems()]
        lines.append(f"  Ready after {self.seconds:.1f} s")
        return "\n".join(lines)

    def _node_table(self) -> list[str]:
        head = ("node", "tenant", "revision", "fingerprint", "state", "lag", "AuthZEN")
        rows = [
            (
                node.name,
                node.tenant,
                "-" if node.revision is None else str(node.revision),
                node.fingerprint[:_SHORT] + "…" if node.fingerprint else "-",
                "in sync" if node.in_sync else "BEHIND",
                "-" if node.lag_ms is None else f"{node.lag_ms} ms",
                f"http://127.0.0.1:{node.port}",
            )
            for node in self.nodes
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        return [
            "  "
            + "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in (head, *rows)
        ]
