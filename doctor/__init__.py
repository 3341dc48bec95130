"""`python -m doctor`: explains why a token is refused, and proves what a stack promises.

The command line holds no logic: checks are pure functions of what was read, probes do the reading. It deliberately
changes nothing in a cloud.
"""
