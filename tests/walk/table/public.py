"""What lets anonymous people in, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from tests.walk.answers import Answers, Row, all_get
from tests.walk.table.words import (
    ABSENT,
    ANYBODY,
    DONE,
    FORBIDDEN,
    MOVED,
    NO_METHOD,
    NOT_BY_POST,
    SHOWN,
    SIGN_IN,
)

PUBLIC: Mapping[str, Row] = {
    "healthz": Row(
        "A supervisor asks whether the process lives; it says ok and nothing else.",
        get=ANYBODY,
        post=NOT_BY_POST,
    ),
    "favicon": Row(
        "Browsers ask for the mark before anybody has signed in.",
        get=all_get(MOVED),
        post=NOT_BY_POST,
    ),
    "home": Row(
        "The bare address leads to the console, which asks who is there.",
        get=all_get(MOVED),
        post=NOT_BY_POST,
    ),
    "clients:token": Row(
        "Programs have no session: what they send is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "clients:revoke": Row(
        "Whoever sends a token may end it; a client's own asks for its proof.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "clients:introspect": Row(
        "Programs have no session: what they send is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "clients:jwks": Row(
        "Public keys are for everybody who verifies a token.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant"],
        is_for_all_origins=True,
    ),
    "clients:metadata": Row(
        "Clients read it before they have a token; it names addresses and no data.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant"],
        is_for_all_origins=True,
    ),
    "api:schema": Row(
        "What the interface looks like holds no data of anybody.",
        get=ANYBODY,
        post=NOT_BY_POST,
    ),
    "api:docs": Row(
        "The same description, to read; it holds no data of anybody.",
        get=ANYBODY,
        post=NOT_BY_POST,
    ),
    "api:none": Row(
        "What is no address of the interface is not there, for anybody.",
        get=all_get(ABSENT),
        post=all_get(ABSENT),
    ),
    "admin:login": Row(
        "Signing in is what people do who are not signed in.",
        get=Answers(SHOWN, MOVED, MOVED, MOVED, MOVED, MOVED),
        post=Answers(SHOWN, MOVED, MOVED, MOVED, MOVED, MOVED),
    ),
    "admin:logout": Row(
        "Whoever is out already is led to the console, which asks who is there.",
        get=Answers(MOVED, *([NO_METHOD] * 5)),
        post=Answers(MOVED, *([SIGN_IN] * 5)),
        writes=frozenset({"audit_audithead", "audit_auditentry"}),
    ),
    "signin:enroll": Row(
        "Who holds the link has no passkey yet: the link is what they prove.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["enrollment token"],
    ),
    "signin:login_options": Row(
        "A sign-in begins with a challenge, which is worth nothing without a key.",
        get=NOT_BY_POST,
        post=all_get(DONE),
        writes=frozenset({"accounts_ceremony"}),
    ),
    "signin:login_verify": Row(
        "The answer to the challenge is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "signin:fallback": Row(
        "Signing in with password and code is for people who are not signed in.",
        get=Answers(SHOWN, *([MOVED] * 5)),
        post=Answers(SHOWN, *([MOVED] * 5)),
    ),
    "signin:registration_options": Row(
        "Registering asks for a link in the body, or for a session.",
        get=NOT_BY_POST,
        post=Answers(FORBIDDEN, *([DONE] * 5)),
        is_json=True,
        writes=frozenset({"accounts_ceremony"}),
    ),
    "signin:registration_verify": Row(
        "The challenge came from a link or a session; the answer names it.",
        get=NOT_BY_POST,
        post=all_get(DONE),
    ),
    "federation:organization": Row(
        "A short name that is typed leads to its page, whether there is one or not.",
        get=all_get(SIGN_IN),
        post=NOT_BY_POST,
    ),
    "federation:choices": Row(
        "How an organization signs in is for who knows its name; unknown ones look so.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant"],
    ),
    "federation:start": Row(
        "Signing in is what people do who are not signed in.",
        get=all_get(MOVED),
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
        writes=frozenset({"federation_signinattempt"}),
    ),
    "federation:callback": Row(
        "The provider's answer is the proof of who asks; without one nobody comes in.",
        get=all_get(FORBIDDEN),
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
        writes=frozenset({"limits_refusalcount"}),
    ),
    "federation:signed_out": Row(
        "Whoever signed out is told where else they are signed in.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
    ),
    "federation:keys": Row(
        "A provider reads the public half of our key.",
        get=ANYBODY,
        post=NOT_BY_POST,
        about=["slug of the tenant", "slug of the provider"],
    ),
    "federation:backchannel_logout": Row(
        "The provider's signed token is the proof of who asks.",
        get=NOT_BY_POST,
        post=all_get(DONE),
        about=["slug of the tenant", "slug of the provider"],
        writes=frozenset({"limits_refusalcount"}),
    ),
}
