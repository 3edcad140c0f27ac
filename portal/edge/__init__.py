"""The edge: where agents dial in. `app` is the ASGI application."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.local")
django.setup()

from portal.edge.application import Edge  # noqa: E402  # Django must be ready first

app = Edge()
