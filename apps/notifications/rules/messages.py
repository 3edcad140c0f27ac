"""How a notification reads by mail, in chat, and to programs. Pure.

Every form carries who, what, risk, for how long, until when, and a link to the page on
which a person acts with their passkey. None of them carries an act: nobody approves in
a chat.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_LABELS = {
    "who": "Who",
    "what": "What",
    "role": "Role",
    "scope": "Where",
    "reason": "Reason",
    "ticket": "Ticket",
    "risk": "Risk",
    "ttl": "For",
    "deadline": "Until",
}
_LONGEST_VALUE = 300
_SLACK_TEXT = 2900
_HOUR = 60
# What Markdown, and so an Adaptive Card, would read as something else than text.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~])")


@dataclass(frozen=True)
class Content:
    """What is told. `url` is the page on which a person acts."""

    id: str
    event: str
    tenant: str
    tenant_name: str
    title: str
    body: str
    url: str
    at: dt.datetime
    is_urgent: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)


def facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what makes a notification actionable, as people read it."""
    return [
        (label, _said(name, data[name]))
        for name, label in _LABELS.items()
        if name in data and isinstance(data[name], str | int) and data[name] != ""
    ]


def cloud_event(content: Content, *, source: str) -> dict[str, Any]:
    """Return a CloudEvents 1.0 event in JSON, structured mode."""
    return {
        "specversion": "1.0",
        "id": content.id,
        "source": source,
        "type": f"dev.portward.{content.event}",
        "time": content.at.isoformat(timespec="seconds"),
        "datacontenttype": "application/json",
        "data": {
            "tenant": content.tenant,
            "title": content.title,
            "body": content.body,
            "urgent": content.is_urgent,
            "url": content.url,
            **{name: content.data[name] for name in _LABELS if name in content.data},
        },
    }


def slack_message(content: Content) -> dict[str, Any]:
    """Return a message for an incoming webhook of Slack.

    What people wrote is plain text, so that it makes no link and calls nobody.
    """
    lines = [content.body, *(f"{name}: {value}" for name, value in _all(content))]
    told = "\n".join(line for line in lines if line)[:_SLACK_TEXT]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(content.title[:150])},
        *([{"type": "section", "text": _plain(told)}] if told else []),
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": f"<{content.url}|Open in Portward> ({_slack(content.tenant)})",
                "verbatim": True,
            },
        },
    ]
    return {"text": _slack(content.title), "blocks": blocks, "unfurl_links": False}


def teams_message(content: Content) -> dict[str, Any]:
    """Return a message with an Adaptive Card for an incoming webhook of Teams."""
    body: list[dict[str, Any]] = [
        _block(_escaped(content.title), weight="Bolder", size="Medium"),
        *([_block(_escaped(content.body))] if content.body else []),
        {
            "type": "FactSet",
            "facts": [
                {"title": name, "value": _escaped(value)}
                for name, value in _all(content)
            ],
        },
        _block(f"[Open in Portward]({content.url})"),
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def mail_text(content: Content) -> tuple[str, str]:
    """Return subject and text of a message by mail."""
    lines = [f"{name}: {value}" for name, value in _all(content)]
    parts = [content.title, content.body, "\n".join(lines), f"Open: {content.url}"]
    parts.append(_FOOT.format(tenant=content.tenant_name))
    subject = f"[{content.tenant_name}] {content.title}"
    return one_line(subject), "\n\n".join(part for part in parts if part) + "\n"


def digest_text(
    contents: Sequence[Content], *, tenant_name: str, url: str
) -> tuple[str, str]:
    """Return subject and text of one message about many things."""
    number = len(contents)
    things = "1 notification" if number == 1 else f"{number} notifications"
    entries = [
        "\n".join(
            [
                f"{content.at:%Y-%m-%d %H:%M} UTC  {content.title}",
                *(f"  {name}: {value}" for name, value in facts(content.data)),
                f"  {content.url}",
            ]
        )
        for content in contents
    ]
    parts = [*entries, f"All of them: {url}", _FOOT.format(tenant=tenant_name)]
    return one_line(f"[{tenant_name}] {things}"), "\n\n".join(parts) + "\n"


def one_line(text: str) -> str:
    """Return a text without line breaks, which would begin another header."""
    return " ".join(text.split())[:200]


_FOOT = (
    "You are told this as a member of {tenant}. What you are told, and how, is yours "
    "to choose under Your account, Notifications.\n"
    "Portward never asks you to approve anything by mail or chat."
)


def _all(content: Content) -> list[tuple[str, str]]:
    return facts(content.data)


def _said(name: str, value: str | int) -> str:
    if name == "ttl" and isinstance(value, int):
        hours, minutes = divmod(value, _HOUR)
        return " ".join(
            part
            for part in (f"{hours} h" if hours else "", f"{minutes} min")
            if part and not (hours and part == "0 min")
        )
    if name == "risk" and isinstance(value, int):
        return f"{value} of 100"
    if name == "deadline":
        return _moment(str(value))
    return " ".join(str(value).split())[:_LONGEST_VALUE]


def _moment(text: str) -> str:
    try:
        return (
            f"{dt.datetime.fromisoformat(text).astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
        )
    except ValueError:
        return text[:_LONGEST_VALUE]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _block(text: str, **more: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
