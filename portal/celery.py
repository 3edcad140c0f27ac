"""Entry point of the workers."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.local")

app = Celery("portward")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
