"""Acts upon notifications, channels and what is delivered."""

from apps.notifications.services.channels import (
    ChannelSpec,
    change_channel,
    create_channel,
    remove_channel,
    rotate_secret,
    set_paused,
)
from apps.notifications.services.deliveries import (
    Outcome,
    Parcel,
    fan_out,
    forget_deliveries,
    prepare,
    record,
    send_test,
)
from apps.notifications.services.inbox import mark_all_read, mark_read, notify
from apps.notifications.services.preferences import set_preferences, write_digests

__all__ = [
    "ChannelSpec",
    "Outcome",
    "Parcel",
    "change_channel",
    "create_channel",
    "fan_out",
    "forget_deliveries",
    "mark_all_read",
    "mark_read",
    "notify",
    "prepare",
    "record",
    "remove_channel",
    "rotate_secret",
    "send_test",
    "set_paused",
    "set_preferences",
    "write_digests",
]
