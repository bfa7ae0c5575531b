"""Why the site cannot start."""

from __future__ import annotations


class CannotStart(Exception):
    """One sentence for the person at the terminal, who can do something about it. The command exits with code 2."""
