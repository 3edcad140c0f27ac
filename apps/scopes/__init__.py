"""When and where: time windows and locations."""
