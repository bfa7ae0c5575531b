"""Runs the site's processes under one roof: starts them, restarts them, stops them together, leaves none behind.

Standard library only, no Django: what it needs to know is handed to it (docs/decisions/0003-supervisor.md).
It stands beside the commands; services and what lies below know nothing of it.
"""
