"""bin/up's and bin/test's preparation, in a clone and with a PATH of its own: what is there is real or a stand-in."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 300
TOOLS = ("pdftoppm", "pdftotext", "pdfinfo", "redis-server", "tesseract")
TESSERACT = "#!/bin/sh\nprintf 'List of available languages:\\neng\\nosd\\n'\n"
SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n'


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", PROJECT / "bin" / "prepare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prepare"] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


prepare = load()


class Clone:
    """A clone with nothing to install from afar, and a PATH on which only stand-ins are found."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.path = folder / "path"
        self.path.mkdir(parents=True)
        shutil.copytree(PROJECT / "bin", self.root / "bin")
        self.require("")
        (self.root / "manage.py").write_text("import sys; print('handed over:', *sys.argv[1:])")
        for name in ("sh", "dirname", "basename", "env", "true"):
            self.link(name, shutil.which(name) or name)
        self.link("python3", sys.executable)
        for name in TOOLS:
            self.stand_in(name, TESSERACT)

    def require(self, text: str) -> None:
        (self.root / "requirements.txt").write_text(text)

    def link(self, name: str, target: str) -> None:
        # A link would lose a virtual environment's Python its home.
        self.stand_in(name, f'#!/bin/sh\nexec {target} "$@"\n') if name == "python3" else (self.path / name).symlink_to(
            target
        )

    def stand_in(self, name: str, script: str) -> None:
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "bin" / "up", *arguments],
            env={"PATH": str(self.path), "HOME": str(self.root), "PIP_NO_INDEX": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone that was started once; making an environment takes seconds, so the tests share it."""
    clone = Clone(tmp_path_factory.mktemp("prepared"))
    first = clone.up("--port", "8001")
    assert first.stdout.splitlines()[-1] == "handed over: up --port 8001", first.stderr
    return clone


@pytest.mark.slow
def test_a_second_start_installs_nothing(prepared: Clone) -> None:
    again = prepared.up("--host", "::1")
    assert (again.returncode, again.stdout, again.stderr) == (0, "handed over: up --host ::1\n", "")


@pytest.mark.slow
def test_changed_requirements_are_installed_into_the_same_environment(prepared: Clone) -> None:
    (prepared.root / ".venv" / "witness").touch()
    prepared.require("# changed\n")
    assert "Installing Python packages" in prepared.up().stdout
    assert (prepared.root / ".venv" / "witness").exists()
    assert "Installing" not in prepared.up().stdout


@pytest.mark.slow
def test_an_installation_that_was_cut_off_is_begun_anew(prepared: Clone) -> None:
    (prepared.root / ".venv" / "witness").touch()
    (prepared.root / ".venv" / "being-installed").touch()
    prepared.require("# changed again\n")
    assert prepared.up().returncode == 0
    assert not (prepared.root / ".venv" / "witness").exists()
    assert not (prepared.root / ".venv" / "being-installed").exists()


@pytest.mark.slow
def test_an_environment_whose_python_is_gone_is_made_anew(prepared: Clone) -> None:
    (prepared.root / ".venv" / "bin" / "python").unlink()
    assert prepared.up().stdout.splitlines()[-1] == "handed over: up"


@pytest.mark.slow
def test_a_package_that_cannot_be_had_is_named_in_one_sentence_and_tried_again_next_time(prepared: Clone) -> None:
    prepared.require("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    failed = prepared.up()
    assert failed.returncode == 2
    assert failed.stderr.startswith("bin/up: pip could not install what is needed: ERROR: ")
    assert "no-such-package" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    prepared.require("# in order again\n")
    assert prepared.up().returncode == 0


def test_a_missing_tool_without_a_package_manager_is_named(clone: Clone) -> None:
    (clone.path / "redis-server").unlink()
    (clone.path / "pdfinfo").unlink()
    refused = clone.up()
    assert refused.returncode == 2
    assert refused.stderr == (
        "bin/up: Please install poppler-utils and redis-server with your system's package manager, then start again.\n"
    )


def give_apt(clone: Clone, script: str) -> Path:
    """A package manager that notes how it was called, with sudo for those who are not root."""
    notes = clone.root / "apt-notes"
    clone.stand_in("apt-get", f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> {notes}\n{script}')
    clone.stand_in("sudo", SUDO)
    return notes


@pytest.mark.slow
def test_what_is_missing_is_installed_by_apt_and_nothing_else(clone: Clone) -> None:
    (clone.path / "redis-server").unlink()
    server, chmod = f"{clone.path}/redis-server", shutil.which("chmod")
    provide = (
        f"case \"$*\" in *install*) printf '#!/bin/sh\\n' > {server}; chmod='{chmod}'; $chmod 755 {server};; esac\n"
    )
    notes = give_apt(clone, provide)
    started = clone.up()
    assert started.stdout.splitlines()[0] == "Installing redis-server (a minute or two) ..."
    assert started.stdout.splitlines()[-1] == "handed over: up"
    update, install = notes.read_text().splitlines()
    assert update == "noninteractive -q -o DPkg::Lock::Timeout=300 update"
    assert install == "noninteractive -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends redis-server"


def test_apt_s_reason_is_handed_on(clone: Clone) -> None:
    (clone.path / "redis-server").unlink()
    give_apt(clone, "echo 'Reading package lists...'; echo 'E: Unable to locate package redis-server' >&2; exit 100\n")
    refused = clone.up()
    assert refused.returncode == 2
    assert refused.stderr == (
        "bin/up: apt-get could not install what is needed: E: Unable to locate package redis-server\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root needs no sudo")
def test_without_root_and_sudo_the_command_for_root_is_named(clone: Clone) -> None:
    (clone.path / "redis-server").unlink()
    give_apt(clone, "")
    clone.stand_in("sudo", "#!/bin/sh\nexit 1\n")
    assert "as root, once: apt-get install redis-server" in clone.up().stderr


def test_a_machine_without_a_new_enough_python_is_told_so(clone: Clone) -> None:
    clone.stand_in("python3", "#!/bin/sh\nexit 1\n")
    script = clone.root / "bin" / "up"
    script.write_text(script.read_text().replace("/usr/bin/python3", "/nowhere/python3"))
    refused = clone.up()
    assert refused.returncode == 2
    assert refused.stderr.startswith("up: Python 3.11 or newer is needed")


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("Reading...\nE: no such package\nE: second\n", "E: no such package"),
        ("Collecting\nERROR: hashes differ\nsee above\n", "ERROR: hashes differ"),
        ("it broke\n\n", "it broke"),
        ("", "it said nothing; is the network up?"),
    ],
)
def test_the_line_that_tells_most_is_chosen(output: str, line: str) -> None:
    assert prepare.telling_line(output) == line


@pytest.mark.parametrize(("names", "words"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_are_put_in_words(names: list[str], words: str) -> None:
    assert prepare.in_words(names) == words


def test_every_tool_has_a_package() -> None:
    assert [tool.package for tool in prepare.SITE_TOOLS] == [
        "poppler-utils",
        "poppler-data",
        "tesseract-ocr",
        "tesseract-ocr-osd",
        "tesseract-ocr-eng",
        "redis-server",
        "python3-venv",
    ]
