"""Whom trust policies, providers and bindings let in beyond those they are meant for."""
