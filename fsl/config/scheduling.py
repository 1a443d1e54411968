"""When flows run, that they run once, and when silence is an alarm: `schedule`, `triggers`, `claims`, `silence`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from fsl.config.base import Section, Share
from fsl.scheduling.schedules import checked_cron, checked_hours, checked_timezone
from fsl.scheduling.trigger_graph import find_circle

Cron = Annotated[str, AfterValidator(checked_cron)]
FlowName = Literal["ingest", "retrain", "watch", "drift", "cycle", "housekeeping"]
EventName = Literal["fsl.batch.accepted", "fsl.drift.checked", "fsl.retrain.finished", "fsl.champion.moved"]


def _is_block(name: str) -> str:
    kind, slash, document = name.partition("/")
    if not slash or not kind.replace("-", "").isalnum() or not document.replace("-", "").isalnum():
        raise ValueError("name a block by its type and its name, such as slack-webhook/team; Prefect's page lists them")
    return name


class ScheduleConfig(Section):
    """When flows run by themselves, as cron lines; null: never. They hold once a worker serves the project."""

    timezone: Annotated[str, AfterValidator(checked_timezone)] = Field(
        default="UTC", description="Of the cron lines and of `triggers.quiet_hours`."
    )
    jitter_minutes: Annotated[int, Field(ge=0, le=59)] = Field(
        default=0, description="Each project starts up to so many minutes later, always the same, within the hour."
    )
    cycle: Cron | None = Field(
        default="0 * * * *", description="Ingest, watch, drift, and what `triggers` then asks for."
    )
    ingest: Cron | None = None
    retrain: Cron | None = Field(default=None, description="Whatever `triggers` says; nothing new, nothing is done.")
    watch: Cron | None = None
    drift: Cron | None = None
    housekeeping: Cron | None = "30 4 * * *"
    inbox_seconds: PositiveFloat | None = Field(
        default=5.0, description="How often the inbox is looked at; null: only schedules and notifications."
    )


class TriggerRuleConfig(Section):
    """One more thing that starts a flow."""

    after: EventName
    action: str | None = Field(default=None, description="The event's `fsl.action`, such as promote; null: any.")
    run: FlowName


class TriggerConfig(Section):
    """What starts a retrain by itself, and what holds it back. A person is never held back."""

    min_new_rows: PositiveInt = Field(
        default=200, description="A retrain is due when this many rows were accepted since the last."
    )
    max_wait_hours: PositiveFloat | None = Field(
        default=None, description="It is due too when fewer rows have waited for so long; null: they wait for more."
    )
    on_drift: bool = True
    min_audited_accuracy: Share | None = Field(
        default=None, description="It is due when audited rows of served traffic say that accuracy is surely below."
    )
    min_hours_between: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0, description="From the start of one retrain to the next."
    )
    max_retrains_per_day: PositiveInt | None = Field(default=None, description="Over the last 24 hours; null: any.")
    max_minutes_per_day: PositiveFloat | None = Field(
        default=None, description="Minutes of retraining over the last 24 hours after which no other begins; null: any."
    )
    quiet_hours: Annotated[str, AfterValidator(checked_hours)] | None = Field(
        default=None, description="When no retrain begins, such as 08:00-18:00, in `schedule.timezone`."
    )
    also: tuple[TriggerRuleConfig, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _comes_to_rest(self) -> "TriggerConfig":
        circle = find_circle((rule.after, rule.run) for rule in self.also)
        if circle is not None:
            raise ValueError(f"a trigger would set itself off for ever: {' -> '.join(circle)}. Take one of `also` out")
        return self


class ClaimsConfig(Section):
    """How one worker keeps others from doing the same."""

    expiry_seconds: Annotated[float, Field(ge=1.0, le=86_400.0)] = Field(
        default=120.0, description="A worker that is silent for longer is dead to the others, and they go on."
    )
    wait_minutes: PositiveFloat = Field(
        default=240.0, description="How long a retrain waits for another of the same project to end."
    )


class SilenceConfig(Section):
    """How long something may be silent before it is told."""

    schedule_minutes: PositiveFloat = Field(
        default=30.0, description="A scheduled flow that did not start so long after it was due is told."
    )
    inbox_minutes: PositiveFloat = Field(
        default=60.0, description="So is a dropped file that was not taken in for longer."
    )
    worker_minutes: PositiveFloat = Field(default=3.0, description="So is a work pool without a sign of a worker.")
    notify: tuple[Annotated[str, AfterValidator(_is_block)], ...] = Field(
        default=(),
        max_length=10,
        description="Blocks of the Prefect server that are told, such as slack-webhook/team: type and name.",
    )
