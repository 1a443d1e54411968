"""What flows take, as types: Prefect builds its form from them, and refuses what they do not allow."""

from typing import Annotated

from pydantic import Field

ProjectName = Annotated[
    str,
    Field(
        title="Project",
        description="The project's name, as in its fsl.yaml.",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        max_length=63,
        examples=["support-intents"],
    ),
]
Person = Annotated[str, Field(min_length=1, max_length=200, description="Who wants it; kept in the log.")]
Why = Annotated[str, Field(min_length=1, max_length=2000, description="Why; kept in the log.")]
VersionName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="A version, as `fsl models ls` names it.")
]
