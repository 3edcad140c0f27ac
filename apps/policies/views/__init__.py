"""The life of policies: in the console, and on the pages of who owns one."""

from apps.policies.views.life import act, as_of, rollback, timeline
from apps.policies.views.owning import decide, owned

__all__ = ["act", "as_of", "decide", "owned", "rollback", "timeline"]
