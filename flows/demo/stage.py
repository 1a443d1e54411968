"""Showing long work: a live line for the step that runs, and a settled one for each that is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fsl.console import line


class Tell(Protocol):
    """Says what a step is doing, and how much of it is done where that is known."""

    def __call__(self, detail: str, share: float | None = None) -> None: ...


class Stage:
    """One run's progress. On a terminal the running step moves; elsewhere only settled lines are printed."""

    def __init__(self) -> None:
        self.console = Console(emoji=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("[dim]{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.print(f"\n[bold]{line(title)}[/bold]")

    @contextmanager
    def step(self, name: str) -> Iterator[Tell]:
        """Show a step until it ends; what was told last stands beside it afterwards. Steps follow one another."""
        self._progress.start()
        details, started = [""], time.monotonic()
        task = self._progress.add_task(line(name), total=None, detail="")

        def tell(detail: str, share: float | None = None) -> None:
            details[0] = detail
            self._progress.update(
                task,
                detail=line(detail[:100]),
                total=None if share is None else 1.0,
                completed=share or 0.0,
            )

        try:
            yield tell
        finally:
            self._progress.remove_task(task)
            self._progress.stop()
            seconds = time.monotonic() - started
            self.console.print(f"  {line(name)} [dim]({seconds:.0f} s)[/dim]  {line(details[0])}", highlight=False)
