"""Keeps a site's processes running, and ends them together.

Stages start one after the other, the next once the one before works, and stop in the opposite order.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.supervision import processes, restarts
from jobs.supervision.children import Child, Command
from jobs.supervision.output import Output, RollingLog
from jobs.supervision.terminal import Shown
from jobs.supervision.warden_link import WardenLink

STOPPED = 0
GAVE_UP = 1


@dataclass(frozen=True)
class Timing:
    """The stop's parts add up to less than the 10 s that a stop may take."""

    restart: restarts.Policy = field(default_factory=restarts.Policy)
    stop_seconds: float = 7.0  # from SIGTERM to SIGKILL
    first_stage_stop_seconds: float = 1.0  # the same for the first stage, which stops last
    kill_seconds: float = 0.5  # for the end of what was killed, per stage and for the last look round
    ready_poll_seconds: float = 0.1
    patience_seconds: float = 20.0  # after this long without being ready, the terminal says what is missing


class Supervisor:
    """Runs `stages` of commands until a signal comes or a child proves hopeless.

    `marker` ("NAME=value") goes into each child's environment, for finding whoever is left; `say` prints a line
    for a person; `on_ready` is called once, when everything works for the first time.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Command]],
        *,
        marker: str,
        log_dir: Path,
        say: Callable[[str], None],
        on_ready: Callable[[], None] = lambda: None,
        timing: Timing | None = None,
    ) -> None:
        self.stages = stages
        self.marker = marker
        self.log_dir = log_dir
        self.say = say
        self.on_ready = on_ready
        self.timing = timing or Timing()
        self.exit_code = STOPPED
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ever_ready: set[str] = set()
        self._stopping = asyncio.Event()
        self._warden = WardenLink(marker)

    async def run(self) -> int:
        """Returns the command's exit code: 0 after a signal, 1 where a child cannot start at all."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        guarding = asyncio.create_task(self._warden.keep())
        starting = asyncio.create_task(self._start_stages())
        try:
            await self._until_stopped(starting)
        finally:
            self._stopping.set()
            starting.cancel()
            await self._stop_all()
            guarding.cancel()
            await self._warden.dismiss(self.timing.kill_seconds)
        return self.exit_code

    # ---- starting

    async def _until_stopped(self, starting: asyncio.Task[None]) -> None:
        """Waits for the order to stop. An error of ours while starting comes out here."""
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        await stopped

    async def _start_stages(self) -> None:
        for stage in self.stages:
            for command in stage:
                keeper = self._keepers[command.name] = asyncio.create_task(self._keep(command))
                keeper.add_done_callback(self._on_keeper_done)
            await self._wait_until_ready(stage)
        self.on_ready()

    async def _wait_until_ready(self, stage: Sequence[Command]) -> None:
        loop = asyncio.get_running_loop()
        speak_at = loop.time() + self.timing.patience_seconds
        while missing := [command.name for command in stage if not await self._is_ready(command.name)]:
            if loop.time() >= speak_at:
                self.say(f"Still waiting for {', '.join(missing)}; details are in {self.log_dir}.")
                speak_at = loop.time() + self.timing.patience_seconds
            await asyncio.sleep(self.timing.ready_poll_seconds)

    async def _is_ready(self, name: str) -> bool:
        """Has it worked once? A child that dies later is restarted, but starting goes on."""
        child = self._children.get(name)
        if name not in self._ever_ready and child is not None and await child.is_ready():
            self._ever_ready.add(name)
        return name in self._ever_ready

    # ---- keeping

    async def _keep(self, command: Command) -> None:
        """Runs a command, again and again, until we stop or it proves hopeless."""
        child = self._children[command.name] = self._new_child(command)
        quick_deaths = 0
        while not self._stopping.is_set():
            end = await self._run_once(child)
            if self._stopping.is_set():
                return
            verdict = restarts.after_death(
                self.timing.restart,
                quick_deaths=quick_deaths,
                ran_seconds=child.ran_seconds(),
                was_ever_ready=command.name in self._ever_ready,
            )
            if verdict.delay_seconds is None:
                self._give_up(child, end)
                return
            quick_deaths = verdict.quick_deaths
            self.say(f"{command.name} ended ({end}) and is started again in {verdict.delay_seconds:.1f} s.")
            await self._pause(verdict.delay_seconds)

    def _new_child(self, command: Command) -> Child:
        log = self.log_dir / f"{command.name}.log"
        show = Shown(command.name, log, self.say) if command.shows_warnings else lambda line: None
        output = Output(RollingLog(log), show, command.ready_line)
        return Child(command, output, marks=(self.marker, self._mark_of(command.name)))

    def _mark_of(self, name: str) -> str:
        """What tells one child's descendants from another's."""
        entry, _, value = self.marker.partition("=")
        return f"{entry}_AS={name} {value}"

    async def _run_once(self, child: Child) -> str:
        """One life of a child; returns how it ended, in words."""
        try:
            group_id = await child.start()
        except OSError as error:
            return f"it cannot be run: {error.strerror}"
        self._warden.add(group_id)
        if self._stopping.is_set():
            child.kill()  # the order to stop came while it was being started and had nobody to reach
        code = await child.wait()
        processes.kill_carriers(self._mark_of(child.command.name), self.timing.kill_seconds)
        self._warden.remove(group_id)
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def _give_up(self, child: Child, end: str) -> None:
        for line in child.output.tail:
            self.say(f"  {line}")
        self.say(f"{child.command.name} cannot start ({end}): the site stops. Details are in {child.output.log.path}.")
        self.exit_code = GAVE_UP
        self._stopping.set()

    def _on_keeper_done(self, keeper: asyncio.Task[None]) -> None:
        """A keeper that fell over leaves its child to nobody: better no site than half a one."""
        if not keeper.cancelled() and (error := keeper.exception()) is not None:
            self.say(f"The site stops, as its supervisor failed: {error!r}")
            self.exit_code = GAVE_UP
            self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    # ---- stopping

    def _on_signal(self, number: signal.Signals) -> None:
        """The first signal asks everybody to stop. Ctrl-C pressed again is for those who cannot wait."""
        if not self._stopping.is_set():
            self.say("Stopping ...")
            self._stopping.set()
        elif number == signal.SIGINT:
            for child in self._children.values():
                child.kill()

    async def _stop_all(self) -> None:
        for position, stage in reversed(list(enumerate(self.stages))):
            seconds = self.timing.stop_seconds if position else self.timing.first_stage_stop_seconds
            await self._stop_stage([command.name for command in stage if command.name in self._keepers], seconds)
        processes.kill_carriers(self.marker, self.timing.kill_seconds)

    async def _stop_stage(self, names: Sequence[str], seconds: float) -> None:
        keepers = [self._keepers[name] for name in names]
        for name in names:
            if name in self._children:
                self._children[name].ask_to_stop()
        if not keepers:
            return
        _, late = await asyncio.wait(keepers, timeout=seconds)
        for name in names:
            if self._keepers[name] in late:
                self.say(f"{name} did not stop in {seconds:.0f} s and is ended.")
                self._children[name].kill()
        if late:
            await asyncio.wait(late, timeout=self.timing.kill_seconds)
