"""Where flows run, and on which ports the parts of `fsl up` listen: `deploy`, `up`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from fsl.config.base import Section

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def _is_pool(name: str) -> str:
    if not name or len(name) > 63 or not set(name.lower()) <= _LETTERS:
        raise ValueError("use letters, digits, - and _, as in Prefect's list of work pools")
    return name


Pool = Annotated[str, AfterValidator(_is_pool)]
Port = Annotated[int, Field(ge=1024, le=65_535)]


class DeployConfig(Section):
    """Which of Prefect's work pools do the work."""

    pool: Pool = Field(default="fsl", description="Where every flow runs. All projects of one store name the same.")
    training_pool: Pool | None = Field(
        default=None, description="Where a retrain has its models trained, such as gpu; null: where it runs itself."
    )
    training_wait_minutes: Annotated[float, Field(gt=0.0)] = Field(
        default=240.0, description="How long a retrain waits for the other pool; then it fails, and says why."
    )


class UpConfig(Section):
    """What `fsl up` is told."""

    ports: dict[Literal["prefect", "arrival", "dashboard"], Port] = Field(
        default={}, description="Ports that must be these, such as {prefect: 4200}; the others are free ones."
    )
