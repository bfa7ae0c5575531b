"""Loaded by pytest before Django's settings (see pyproject.toml): tests never touch a real data directory."""

import atexit
import os
import shutil
import tempfile

for _name in [name for name in os.environ if name.startswith("OCRSITE_")] + ["REDIS_URL"]:
    os.environ.pop(_name, None)

# Each process, and so each xdist worker, has its own.
_folder = tempfile.mkdtemp(prefix="ocrsite-test-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["OCRSITE_DATA_DIR"] = _folder
if not os.environ.get("DATABASE_URL"):
    os.environ["DATABASE_URL"] = f"sqlite:///{_folder}/db.sqlite3"
