"""What may be tried again, and progress that needs no server."""

from dataclasses import dataclass
from typing import Any, ClassVar

from prefect.states import Failed

from fsl.errors import FslError
from tasks.resources import is_transient, reported_progress


@dataclass(eq=False)
class _Passing(FslError):
    retryable: ClassVar[bool] = True
    what: str

    def __str__(self) -> str:
        return self.what


@dataclass(eq=False)
class _Lasting(FslError):
    what: str

    def __str__(self) -> str:
        return self.what


def _failed(error: BaseException) -> Any:
    return Failed(data=error)


def test_only_what_says_that_trying_again_can_help_is_tried_again() -> None:
    assert is_transient(None, None, _failed(_Passing("the store was away")))
    assert not is_transient(None, None, _failed(_Lasting("a bad row")))


def test_a_bug_is_not_tried_again() -> None:
    assert not is_transient(None, None, _failed(ZeroDivisionError()))


def test_progress_outside_a_run_asks_no_server() -> None:
    with reported_progress("teacher", "adapting") as progress:
        assert progress(0.5) is None
