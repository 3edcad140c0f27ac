#!/usr/bin/env python
"""Command line of the portal."""

import os
import sys

from django.core.management import execute_from_command_line

# Settings are read before a command sees its options, so these become variables.
EARLY = {
    "--data": "PORTWARD_DATA_DIR",
    "--web-port": "PORTWARD_WEB_PORT",
    "--edge-port": "PORTWARD_EDGE_PORT",
}


def export_early_options(arguments: list[str]) -> None:
    """Hand the options that settings depend on over to the environment."""
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in EARLY and equals:
            os.environ[EARLY[name]] = value
        elif name in EARLY and index + 1 < len(arguments):
            os.environ[EARLY[name]] = arguments[index + 1]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.local")
    export_early_options(sys.argv[1:])
    execute_from_command_line(sys.argv)
