"""What is wrong with a tenant's file, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from apps.core.errors import InvalidError, PortwardError
from apps.policies.errors import PolicyInvalidError


class TenantFileError(InvalidError):
    """A tenant's file cannot be loaded; `reasons` holds code, path, message, remedy."""

    code = "tenant_file.invalid"

    def __init__(self, reasons: Sequence[dict[str, str]]) -> None:
        self.reasons = list(reasons)
        first = self.reasons[0]
        super().__init__(first["message"], field=first["field"], remedy=first["remedy"])
        self.code = first["code"]

    @classmethod
    def at(cls, path: str, code: str, message: str, remedy: str) -> TenantFileError:
        """Return the error for one place."""
        return cls(
            [
                {
                    "code": f"tenant_file.{code}",
                    "field": path,
                    "message": message,
                    "remedy": remedy,
                }
            ]
        )

    @classmethod
    def of(cls, path: str, error: PortwardError) -> TenantFileError:
        """Return the refusal of a service, placed in the file."""
        if isinstance(error, PolicyInvalidError):
            return cls(
                [
                    {
                        "code": code,
                        "field": _join(path, field),
                        "message": message,
                        "remedy": remedy,
                    }
                    for code, field, message, remedy in error.problems
                ]
            )
        return cls([error.as_dict() | {"field": _join(path, error.field)}])

    def as_text(self) -> str:
        """Return all reasons, one a line."""
        return "\n".join(
            f"{reason['field']}: {reason['message']} {reason['remedy']} "
            f"[{reason['code']}]"
            for reason in self.reasons
        )


@contextlib.contextmanager
def placed(path: str) -> Iterator[None]:
    """Say where in the file a refusal belongs."""
    try:
        yield
    except TenantFileError:
        raise
    except PortwardError as error:
        raise TenantFileError.of(path, error) from error


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if field else path
