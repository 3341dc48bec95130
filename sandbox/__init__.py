"""Emulated clouds in one process on 127.0.0.1, and the providers that attach them to the Pulumi engine.

The program never imports this package. It deliberately does not emulate more of a cloud than federation touches.
"""
