"""Who a request comes from, and what membership lets them do."""

from django.contrib.auth.backends import BaseBackend


class MembershipBackend(BaseBackend):
    """Grant admin permissions by membership of the current tenant."""
