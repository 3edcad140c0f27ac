r"""Match a text against a small pattern language, in time that cannot run away.

A pattern describes the whole text, whether or not it says `^` and `$`. There are
characters, `.`, `\d \w \s` and their opposites, `[a-z]` and `[^a-z]`, groups, `|`, and
the repetitions `* + ? {m} {m,n}`. Matching moves a set of positions through the
pattern, so it never tries the same thing twice: nothing here backtracks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.approvals.errors import PatternInvalidError

LONGEST_PATTERN = 120
LONGEST_TEXT = 400
_MOST_REPEATS = 100
_DEEPEST = 5

Positions = frozenset[int]
Step = Callable[[str, Positions], Positions]
Test = Callable[[str], bool]

_CLASSES: dict[str, Test] = {
    "d": lambda c: c.isascii() and c.isdigit(),
    "D": lambda c: not (c.isascii() and c.isdigit()),
    "w": lambda c: c == "_" or (c.isascii() and c.isalnum()),
    "W": lambda c: not (c == "_" or (c.isascii() and c.isalnum())),
    "s": str.isspace,
    "S": lambda c: not c.isspace(),
}
_SPECIAL = frozenset("^$()[]{}|*+?")


def matches(pattern: str, text: str) -> bool:
    """Say whether a pattern describes the whole of a text."""
    if len(text) > LONGEST_TEXT:
        return False
    return len(text) in compile_pattern(pattern)(text, frozenset({0}))


def compile_pattern(pattern: str) -> Step:
    """Return the matcher of a pattern or raise PatternInvalidError."""
    if not pattern or len(pattern) > LONGEST_PATTERN:
        raise PatternInvalidError(f"A pattern has 1 to {LONGEST_PATTERN} characters.")
    body = pattern.removeprefix("^")
    if body.endswith("$") and not body.endswith("\\$"):
        body = body[:-1]
    parser = _Parser(body)
    found = parser.choice(0)
    if not parser.is_done:
        raise PatternInvalidError(f"“{parser.peek()}” does not belong there.")
    return found


@dataclass
class _Parser:
    """Read a pattern from left to right."""

    text: str
    at: int = 0

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.text)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        found = self.peek()
        if not found:
            raise PatternInvalidError("The pattern ends too early.")
        self.at += 1
        return found

    def choice(self, depth: int) -> Step:
        if depth > _DEEPEST:
            raise PatternInvalidError(f"Groups nest at most {_DEEPEST} deep.")
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence(depth))
        return branches[0] if len(branches) == 1 else _any_of(branches)

    def sequence(self, depth: int) -> Step:
        parts: list[Step] = []
        while not self.is_done and self.peek() not in "|)":
            parts.append(self.repeated(self.atom(depth)))
        return _one_after_another(parts)

    def atom(self, depth: int) -> Step:
        match self.take():
            case "(":
                inner = self.choice(depth + 1)
                if self.take() != ")":
                    raise PatternInvalidError("A group has no end.")
                return inner
            case "[":
                return _character(self.members())
            case "\\":
                return _character(self.escape())
            case ".":
                return _character(lambda _: True)
            case special if special in _SPECIAL:
                raise PatternInvalidError(f"“{special}” does not belong there.")
            case char:
                return _character(char.__eq__)

    def escape(self) -> Test:
        char = self.take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum():
            raise PatternInvalidError(f"“\\{char}” is not known here.")
        return char.__eq__

    def members(self) -> Test:
        negated = self.peek() == "^"
        if negated:
            self.take()
        tests = [self.member()]
        while self.peek() != "]":
            tests.append(self.member())
        self.take()
        return lambda char: any(test(char) for test in tests) is not negated

    def member(self) -> Test:
        low = self.take()
        if low == "\\":
            return self.escape()
        if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.take()
            high = self.take()
            if high == "\\" or high < low:
                raise PatternInvalidError("A range goes from low to high.")
            return lambda char: low <= char <= high
        return low.__eq__

    def repeated(self, step: Step) -> Step:
        match self.peek():
            case "*":
                least, most = 0, LONGEST_TEXT
            case "+":
                least, most = 1, LONGEST_TEXT
            case "?":
                least, most = 0, 1
            case "{":
                self.take()
                least, most = self.bounds()
                return _repeat(step, least, most)
            case _:
                return step
        self.take()
        return _repeat(step, least, most)

    def bounds(self) -> tuple[int, int]:
        inside, found, rest = self.text[self.at :].partition("}")
        low, comma, high = inside.partition(",")
        numbers = [low, high] if comma else [low, low]
        if not found or not all(n.isascii() and n.isdecimal() for n in numbers):
            raise PatternInvalidError("A repetition is {2} or {2,5}.")
        least, most = (int(number[:4]) for number in numbers)
        if not least <= most <= _MOST_REPEATS:
            raise PatternInvalidError(f"At most {_MOST_REPEATS} repetitions.")
        self.at = len(self.text) - len(rest)
        return least, most


def _character(test: Test) -> Step:
    def step(text: str, starts: Positions) -> Positions:
        return frozenset(at + 1 for at in starts if at < len(text) and test(text[at]))

    return step


def _one_after_another(parts: list[Step]) -> Step:
    def step(text: str, starts: Positions) -> Positions:
        for part in parts:
            starts = part(text, starts)
        return starts

    return step


def _any_of(branches: list[Step]) -> Step:
    def step(text: str, starts: Positions) -> Positions:
        return frozenset().union(*(branch(text, starts) for branch in branches))

    return step


def _repeat(inner: Step, least: int, most: int) -> Step:
    def step(text: str, starts: Positions) -> Positions:
        for _ in range(least):
            before, starts = starts, inner(text, starts)
            if starts in (before, frozenset()):
                break
        reached = fresh = starts
        for _ in range(most - least):
            fresh = inner(text, fresh) - reached
            if not fresh:
                break
            reached |= fresh
        return reached

    return step
