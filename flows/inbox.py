"""The inbox watcher: `python -m flows.inbox`. It looks at every project's inbox again and again, and starts the ingest.

One listing of the inbox for each project and look; the history is read only where something new lies there. What was
started once is not started again until it changes, so a file that is refused does not start runs for ever. Ten watchers
do no harm: a drop is taken in once, whoever announces it. It is also who notices silence while nothing else runs.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from flows.arrival import start_ingest
from flows.silence import tell_silence
from fsl.config import StoreConfig
from fsl.config.file import default_config
from fsl.data.intake import pending_objects
from fsl.errors import FslError
from fsl.project import Project, list_projects, open_project
from fsl.scheduling.arrival import Arrival
from fsl.store import layout
from tasks.silence import find_silence, untold

log = logging.getLogger(__name__)

SECONDS_BETWEEN_PROJECT_LISTS = 60.0
BEAT = "FSL_BEAT_FILE"  # a file to touch after each look, for whoever wants to know that this process lives


@dataclass
class InboxWatch:
    """What a watcher remembers of one project."""

    project: Project
    start: Callable[[Arrival], str]
    _seen: dict[str, str] = field(default_factory=dict, init=False)  # etag by key

    def look(self) -> tuple[str, ...]:
        """List the inbox; start an ingest where something is new. Returns the keys that it was started for."""
        listed = {info.key: info.etag for info in self.project.store.list(layout.INBOX) if not info.key.endswith("/")}
        if all(self._seen.get(key) == etag for key, etag in listed.items()):
            self._seen = listed
            return ()
        pending = pending_objects(self.project.store)
        new = tuple(key for key in pending if self._seen.get(key) != listed.get(key))
        if new:
            run = self.start(Arrival(self.project.name, new[0]))
            log.info("%s: %d files came in; started %s", self.project.name, len(new), run)
        self._seen = listed
        return new


@dataclass
class Watcher:
    """Looks at all projects of a store, each as often as its config says."""

    store: StoreConfig
    start: Callable[[Arrival], str]
    listen: Callable[[Project], None] = lambda project: None
    _watches: dict[str, InboxWatch] = field(default_factory=dict, init=False)
    _looked: dict[str, float] = field(default_factory=dict, init=False)
    _listed: float = field(default=float("-inf"), init=False)
    _began: float | None = field(default=None, init=False)

    def look(self, now: float) -> None:
        """Look wherever it is time to. What fails for one project keeps no other from being looked at."""
        self._began = now if self._began is None else self._began
        if now - self._listed >= SECONDS_BETWEEN_PROJECT_LISTS:
            with _told("the list of projects"):
                names = list_projects(self.store)
                self._watches = {name: watch for name, watch in self._watches.items() if name in names}
                for name in names:
                    with _told(name):  # anew each time, since its config may have changed
                        self._open(name)
                        self._listen(self._watches[name].project, now)
                self._listed = now
        for name, watch in self._watches.items():
            seconds = watch.project.config.schedule.inbox_seconds
            if seconds is not None and now - self._looked.get(name, float("-inf")) >= seconds:
                self._looked[name] = now
                with _told(name):
                    watch.look()

    def _listen(self, project: Project, now: float) -> None:
        # What starts together with this process, a worker for one, has as long to be heard as the config gives it.
        if self._began is not None and now - self._began >= 60 * project.config.silence.worker_minutes:
            self.listen(project)

    def _open(self, name: str) -> None:
        project = open_project(name, self.store)
        if name in self._watches:
            self._watches[name].project = project
        else:
            self._watches[name] = InboxWatch(project, self.start)


def listen_for_silence(project: Project) -> None:
    """Tell what should have happened by now and did not."""
    alarms = untold(project, find_silence(project, now=datetime.now(UTC)))
    for alarm in alarms:
        log.warning("%s: %s", project.name, alarm.words)
    tell_silence(project.name, [{"kind": alarm.kind, "words": alarm.words} for alarm in alarms])


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except FslError as error:  # such as a store that is away
        log.warning("%s: %s; trying again", what, error)
    except Exception:  # such as a Prefect server that is away: what was not started is still new
        log.exception("%s: no run could be started; trying again", what)


def main() -> None:
    """Watch until stopped."""
    watcher = Watcher(default_config("any").store, start_ingest, listen_for_silence)
    beat = os.environ.get(BEAT)
    while True:
        watcher.look(time.monotonic())
        if beat:
            Path(beat).touch()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
