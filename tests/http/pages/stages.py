"""Sidecars whose status page shows a picture that a test has made, and may change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from scoreline.http.pages.status.picture import StatusPicture, StatusSources
from tests.http.pages.pictures import AT_MS
from tests.http.sidecars import Running, serve


class Stage:
    """Where the picture hangs: what is set here is what is shown next."""

    def __init__(self, picture: StatusPicture) -> None:
        self.picture = picture

    def make_sources(self) -> StatusSources:
        names = ["pace", "totals", "lags", "lanes", "drift", "quality", "letters", "jobs"]
        readers = {f"read_{name}": partial(self._read, name) for name in names}
        return StatusSources(**readers, list_models=partial(self._read, "models"), withheld=self.picture.withheld)

    def hang_up(self, running: Running) -> None:
        """Have the board say what the picture's health says."""
        running.board._checks[:] = [partial(self._check, i) for i in range(len(self.picture.health.components))]

    def _read(self, name):
        return getattr(self.picture, name)

    def _check(self, i):
        return self.picture.health.components[i]


@asynccontextmanager
async def serve_picture(picture: StatusPicture, **options) -> AsyncIterator[tuple[Stage, Running]]:
    stage = Stage(picture)
    async with serve(status=stage.make_sources(), wall_clock=lambda: AT_MS / 1000, **options) as running:
        stage.hang_up(running)
        yield stage, running
