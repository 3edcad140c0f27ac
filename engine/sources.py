"""Cedar as somebody wrote it: its statements, and where in the text an error is.

The Cedar library says what is wrong but not where. A text is cut into tokens here, and
the place is the first token with which its beginning can no longer become Cedar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from engine import cedar

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      |(?P<text>"(?:[^"\\\n]|\\.)*")
      |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
      |(?P<number>[0-9]+)
      |(?P<sign>::|==|!=|<=|>=|&&|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_AT_THE_END = "unexpected token `;`"
_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Place:
    """Where something is: line and column from 1, and how many characters it has."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True)
class Token:
    """A word, sign, number or text, and where it begins."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Return where the next character is."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class Source:
    """A whole text of Cedar, or a statement within one."""

    whole: str
    start: int = 0
    end: int | None = None

    @property
    def text(self) -> str:
        """Return the statement as it was written."""
        return self.whole[self.start : self.end]

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Return the tokens, without space and comments."""
        found = _TOKEN.finditer(self.text)
        return tuple(
            Token(match[0], self.start + match.start())
            for match in found
            if match.lastgroup != "space"
        )

    def statements(self) -> tuple[Source, ...]:
        """Return the statements; what follows the last semicolon is one too."""
        found, first = [], None
        for token in self.tokens:
            first = token.start if first is None else first
            if token.text == ";":
                found.append(Source(self.whole, first, token.end))
                first = None
        if first is not None:
            found.append(Source(self.whole, first, self.tokens[-1].end))
        return tuple(found)

    def place(self, token: Token) -> Place:
        """Return where a token is in the whole text."""
        before = self.whole[: token.start]
        column = token.start - (before.rfind("\n") + 1) + 1
        return Place(before.count("\n") + 1, column, len(token.text))

    def beginning(self) -> Place:
        """Return where the statement begins."""
        return self.place(self.tokens[0]) if self.tokens else Place(1, 1)

    def place_of(self, *parts: str) -> Place | None:
        """Return where these tokens stand one after the other, if they do."""
        for n in range(len(self.tokens) - len(parts) + 1):
            run = self.tokens[n : n + len(parts)]
            if all(t.text == part for t, part in zip(run, parts, strict=True)):
                first, last = run[0], run[-1]
                return self.place(
                    Token(self.whole[first.start : last.end], first.start)
                )
        return None

    def place_of_error(self, message: str) -> Place:
        """Return where the error is that Cedar names, as well as that can be known."""
        if message.startswith("unexpected") or "token" in message:
            return self._first_unexpected()
        for name in _QUOTED.findall(message):
            parts = [t.text for t in Source(name).tokens]
            found = self.place_of(*parts) if parts else None
            if found is not None:
                return found
        return self.beginning()

    def _first_unexpected(self) -> Place:
        """Find the shortest beginning that is wrong; each longer one is too."""
        tokens = self.tokens
        least, most = 0, len(tokens)
        while least < most:
            middle = (least + most) // 2
            text = self.whole[self.start : tokens[middle].end]
            error = cedar.syntax_error(f"{text} ;")
            # The semicolon alone does not fit: what stands before it can go on.
            if error is None or error == _AT_THE_END:
                least = middle + 1
            else:
                most = middle
        if not tokens:
            return Place(1, 1)
        return self.place(tokens[min(least, len(tokens) - 1)])
