"""What every request meets first: headers, whose request it is, and the buckets."""

from apps.limits.middleware.client import ClientMiddleware
from apps.limits.middleware.headers import HeadersMiddleware
from apps.limits.middleware.limiting import LimitMiddleware

__all__ = ["ClientMiddleware", "HeadersMiddleware", "LimitMiddleware"]
