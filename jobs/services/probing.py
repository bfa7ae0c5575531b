"""Probes of all hosts side by side: one that hangs delays neither the others' probes nor anything else."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from django.db import DatabaseError, IntegrityError, connections

from jobs import errors
from jobs.models import Backend
from jobs.services import gpus, health

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 16  # threads; hosts beyond have their turn in the next round


class Probes:
    """Probes under way, a thread each, one a host. `came_back` is called when a host takes work, or more of it, that
    did not before; in the probe's own thread."""

    def __init__(self, came_back: Callable[[], object]) -> None:
        self._came_back = came_back
        self._under_way: dict[int, threading.Thread] = {}
        self._guard = threading.Lock()

    def start_round(self) -> list[threading.Thread]:
        """Begin to probe every contactable backend that is not being probed still. Returns at once."""
        begun = []
        for backend in Backend.objects.contactable().select_related("health"):
            with self._guard:
                if backend.pk in self._under_way or len(self._under_way) >= MOST_AT_ONCE:
                    continue
                # A daemon: a canary under way must not keep the clock from ending; its lease ends with its holder.
                thread = threading.Thread(
                    target=self._probe, args=(backend,), name=f"probe-{backend.name}", daemon=True
                )
                self._under_way[backend.pk] = thread
            thread.start()
            begun.append(thread)
        return begun

    def _probe(self, backend: Backend) -> None:
        try:
            if health.probe(backend):
                self._came_back()
            gpus.look(backend)
        except IntegrityError:
            # Most likely it was removed while it was being probed: then there is nobody left to tell of.
            known = Backend.objects.filter(pk=backend.pk).exists()
            log.warning("backend.probe_not_stored", backend=backend.name, exc_info=known)
        except (DatabaseError, errors.OcrsiteError):
            log.exception("backend.probe_failed", backend=backend.name)
        finally:
            with self._guard:
                self._under_way.pop(backend.pk, None)
            connections.close_all()


def probe_all() -> bool:
    """One round, to its end. True when a backend can take work, or more of it, that could not before."""
    told = threading.Event()
    for thread in Probes(told.set).start_round():
        thread.join()
    return told.is_set()
