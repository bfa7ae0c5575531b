"""What every test may use. Fixtures that start real parts (Redis, PostgreSQL, Chromium) say so in their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parent.parent.parent / "shared" / "pdfs"


@pytest.fixture(autouse=True)
def own_data_directory(tmp_path: Path, settings) -> Iterator[Path]:
    """Files of one test are gone with it, and two tests never share any."""
    settings.DATA_DIR = tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    settings.KEEP_FREE_BYTES = 0  # how full the machine's disk is must not decide a test
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "files")}}
    settings.STORAGES = {
        "default": files,
        "documents": files,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    yield tmp_path


@pytest.fixture(autouse=True)
def quick_password_hashing(settings) -> None:
    """Signing in is not what the tests are about: the slow hash costs a tenth of a second each time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
