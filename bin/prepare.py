"""Prepares a clone: what the system lacks, then the virtual environment; then starts what was asked for.

bin/up and bin/test call it with a bare Python 3.11 or newer, so it uses the standard library alone. A second
start finds everything in place and takes a moment: no package manager and no pip is called then.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
INSTALL_SECONDS = 3600
LOOK_SECONDS = 60
DEBIAN_PYTHON = "/usr/bin/python3"


class CannotPrepare(Exception):
    """Something is missing that cannot be put right from here. The message is one sentence that says what to do."""


@dataclass(frozen=True)
class Tool:
    """Something the system must have. `formula` is brew's name, "" where macOS needs nothing."""

    package: str
    formula: str
    present: Callable[[], bool]


def say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


# ---- what the system must have


def has_commands(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) for name in names)


def has_any_command(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def has_folder(path: str) -> Callable[[], bool]:
    return lambda: sys.platform == "darwin" or Path(path).is_dir()


def has_language(name: str) -> Callable[[], bool]:
    return lambda: name in tesseract_languages()


def has_postgresql_server() -> bool:
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


@cache
def tesseract_languages() -> frozenset[str]:
    try:
        listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=LOOK_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(line.strip() for line in listed.stdout.splitlines())


def venv_maker() -> str | None:
    """A Python that can make virtual environments: the running one, else Debian's own. None if neither can."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return sys.executable
    works = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
    try:
        tried = subprocess.run([DEBIAN_PYTHON, "-I", "-c", works], capture_output=True, timeout=LOOK_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return DEBIAN_PYTHON if tried.returncode == 0 else None


SITE_TOOLS = (
    Tool("poppler-utils", "poppler", has_commands("pdftoppm", "pdftotext", "pdfinfo")),
    Tool("poppler-data", "poppler", has_folder("/usr/share/poppler/cMap")),
    Tool("tesseract-ocr", "tesseract", has_commands("tesseract")),
    Tool("tesseract-ocr-osd", "tesseract", has_language("osd")),
    Tool("tesseract-ocr-eng", "tesseract", has_language("eng")),
    Tool("redis-server", "redis", has_commands("redis-server")),
    Tool("python3-venv", "python", lambda: venv_maker() is not None),
)
TEST_TOOLS = (
    Tool("chromium", "chromium", has_any_command("chromium", "chromium-browser", "google-chrome")),
    Tool("postgresql", "postgresql", has_postgresql_server),
    Tool("prometheus", "prometheus", has_commands("prometheus", "promtool")),
    Tool("fonts-dejavu-core", "", has_folder("/usr/share/fonts/truetype/dejavu")),
)


def missing_from(tools: Iterable[Tool]) -> list[Tool]:
    tesseract_languages.cache_clear()
    return [tool for tool in tools if not tool.present()]


def provide(tools: Sequence[Tool]) -> None:
    """Installs what is missing of `tools`. Raises CannotPrepare where that cannot be done."""
    missing = missing_from(tools)
    if not missing:
        return
    say(f"Installing {in_words([tool.package for tool in missing])} (a minute or two) ...")
    install(missing)
    if still := missing_from(tools):
        raise CannotPrepare(f"Please install {in_words([tool.package for tool in still])}, then start again.")


def install(missing: Sequence[Tool]) -> None:
    if shutil.which("apt-get"):
        apt_install([tool.package for tool in missing])
    elif shutil.which("brew"):
        attempt(["brew", "install", *sorted({tool.formula for tool in missing if tool.formula})], "brew")
    else:
        names = in_words([tool.package for tool in missing])
        raise CannotPrepare(f"Please install {names} with your system's package manager, then start again.")


def apt_install(packages: Sequence[str]) -> None:
    """Debian and Ubuntu. An earlier installation that was cut off is put right first, where it stands in the way."""
    quietly = [*as_root(packages), "env", "DEBIAN_FRONTEND=noninteractive"]
    apt = [*quietly, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    command = [*apt, "install", "-y", "--no-install-recommends", *packages]
    run([*apt, "update"])  # where it fails, the lists may still do
    if run(command).returncode:
        run([*quietly, "dpkg", "--configure", "-a"])
        attempt(command, "apt-get")


def as_root(packages: Sequence[str]) -> list[str]:
    """What to put before a command to run it as root: nothing, or sudo. Raises CannotPrepare where neither works."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        if run(["sudo", "-n", "true"]).returncode == 0:
            return ["sudo", "-n"]
        if sys.stdin.isatty():
            return ["sudo"]
    raise CannotPrepare(f"Please run this as root, once: apt-get install {' '.join(packages)} - then start again.")


# ---- the virtual environment


@cache
def fingerprint(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def stamp_of(requirements: Path) -> Path:
    """Tells which state of a requirements file the environment holds."""
    return VENV / f"installed-{requirements.stem}"


def is_installed(requirements: Path) -> bool:
    stamp = stamp_of(requirements)
    return stamp.is_file() and stamp.read_text().split() == [fingerprint(requirements), python_in_venv()]


def python_in_venv() -> str:
    """Version of the environment's Python, such as 3.11; "" if it does not run."""
    command = [str(VENV / "bin/python"), "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=LOOK_SECONDS, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def provide_venv(wanted: Path, includes: Sequence[Path] = ()) -> None:
    """Makes the environment hold what `wanted` lists. `includes`: files whose pins are all among `wanted`'s."""
    if is_installed(wanted):
        return
    begun = VENV / "being-installed"
    if begun.exists() or not has_pip():
        make_venv()
    say("Installing Python packages into .venv (about a minute) ...")
    begun.touch()
    pip = [str(VENV / "bin/python"), "-I", "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    attempt([*pip, "install", "--require-hashes", "-r", str(wanted)], "pip", extra_environment={"PIP_USER": "0"})
    for requirements in (wanted, *includes):
        stamp_of(requirements).write_text(f"{fingerprint(requirements)} {python_in_venv()}\n")
    begun.unlink()


def has_pip() -> bool:
    return bool(python_in_venv()) and run([str(VENV / "bin/python"), "-I", "-c", "import pip"]).returncode == 0


def make_venv() -> None:
    """A new environment in place of whatever stands there: what was cut off half-way is not to be trusted."""
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    maker = venv_maker()
    if maker is None:
        raise CannotPrepare("Please install python3-venv, then start again.")
    attempt([maker, "-I", "-m", "venv", str(VENV)], "venv")


# ---- running commands


def run(command: Sequence[str], extra_environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command silently; output is kept in the result, both streams in `stdout`."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=INSTALL_SECONDS,
            env={**os.environ, **(extra_environment or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, returncode=127, stdout=str(error))


def attempt(command: Sequence[str], name: str, extra_environment: dict[str, str] | None = None) -> None:
    """Runs a command that must succeed. Raises CannotPrepare with the line that says why it did not."""
    done = run(command, extra_environment)
    if done.returncode:
        raise CannotPrepare(f"{name} could not install what is needed: {telling_line(done.stdout)}")


def telling_line(output: str) -> str:
    """The line of a package manager's output that says most about its failure."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("e:", "error"))]
    return (errors or lines or ["it said nothing; is the network up?"])[0 if errors else -1]


def in_words(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# ---- the two commands


def prepare_site() -> None:
    provide(SITE_TOOLS)
    provide_venv(ROOT / "requirements.txt")


def prepare_tests() -> None:
    provide(SITE_TOOLS + TEST_TOOLS)
    provide_venv(ROOT / "requirements-test.txt", includes=[ROOT / "requirements.txt"])


def alone(prepare: Callable[[], None]) -> None:
    """Runs `prepare` while no other process prepares this clone. The lock goes with the process, so none is left."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is preparing this clone: waiting for it ...")
            fcntl.flock(folder, fcntl.LOCK_EX)
        prepare()
    finally:
        os.close(folder)


def hand_over(command: str, arguments: Sequence[str]) -> NoReturn:
    """Becomes the site or its tests: the same process, so that signals reach it."""
    python = str(VENV / "bin/python")
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # another project's, left in somebody's shell
    if command == "test":
        os.chdir(ROOT)
        start = [python, "-m", "tests", *arguments]
    else:
        start = [python, str(ROOT / "manage.py"), "up", *arguments]
    os.execv(python, start)  # noqa: S606 - a command of our own making


def main(arguments: Sequence[str]) -> int:
    command, rest = arguments[0], arguments[1:]
    try:
        alone(prepare_tests if command == "test" else prepare_site)
        hand_over(command, rest)
    except (CannotPrepare, OSError) as error:
        sys.stderr.write(f"bin/{command}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"\nbin/{command}: stopped before it was ready; start again to go on.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
