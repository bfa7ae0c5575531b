"""The secret key that a site makes for itself and keeps in its data directory."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def kept_secret_key(data_dir: Path) -> str:
    """The key kept in `data_dir`/secret_key, made at the first call. Raises OSError where it cannot be kept.

    Two processes may start at once: the file is linked into place whole, and the first one wins.
    """
    path = data_dir / "secret_key"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(60), encoding="ascii")
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first: its key is the site's
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
