"""Sandbox trackers: in-memory servers that answer like the real ones, for trying a config and for tests.

They import nothing of the connectors or the engine, and need no account.
"""
