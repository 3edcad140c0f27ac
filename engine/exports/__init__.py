"""The policies of a release in the words of other enforcement points.

What a target cannot express is listed with the reason, never left out in silence, and
nothing that is exported allows what the engine denies.
"""
