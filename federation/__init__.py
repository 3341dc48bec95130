"""The rules of federation between Google Cloud and AWS, as pure functions and models.

Nothing here imports Pulumi, opens a socket or reads a clock, so every rule can be tested as a value. It deliberately
does not talk to a cloud: the components register resources, the doctor probes, and both read their rules from here.
"""
