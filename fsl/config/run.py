"""The whole config of one project."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from fsl.config.data import DataConfig, ProblemConfig
from fsl.config.deploying import DeployConfig, UpConfig
from fsl.config.drift import DriftConfig, SurgeConfig, WatchConfig
from fsl.config.export import ExportConfig
from fsl.config.gate import GateConfig
from fsl.config.learning import LearningConfig
from fsl.config.scheduling import ClaimsConfig, ScheduleConfig, SilenceConfig, TriggerConfig
from fsl.config.serving import ServingConfig
from fsl.config.store import RegistryConfig, StoreConfig


def _is_slug(name: str) -> str:
    if not name.replace("-", "").isalnum() or name != name.lower() or not name.isascii() or name.startswith("-"):
        raise ValueError("use lower-case ASCII letters, digits and hyphens, such as support-intents")
    return name


class RunConfig(BaseSettings):
    """The whole config of one project."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="FSL_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    heeds_environment: ClassVar[bool] = True

    project: Annotated[str, AfterValidator(_is_slug), Field(max_length=63)]
    problem: ProblemConfig = ProblemConfig()
    data: DataConfig = DataConfig()
    learning: LearningConfig = LearningConfig()
    export: ExportConfig = ExportConfig()
    serving: ServingConfig = ServingConfig()
    gate: GateConfig = GateConfig()
    drift: DriftConfig = DriftConfig()
    surges: SurgeConfig = SurgeConfig()
    watch: WatchConfig = WatchConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    triggers: TriggerConfig = TriggerConfig()
    claims: ClaimsConfig = ClaimsConfig()
    silence: SilenceConfig = SilenceConfig()
    deploy: DeployConfig = DeployConfig()
    up: UpConfig = UpConfig()
    registry: RegistryConfig = RegistryConfig()
    store: StoreConfig = StoreConfig()

    @model_validator(mode="after")
    def _slices_have_their_columns(self) -> "RunConfig":
        for one in self.gate.slices:
            if one.column is not None and one.column not in self.data.attribute_columns:
                raise ValueError(f"the slice {one.name!r} looks at {one.column!r}; list it in data.attribute_columns")
        return self

    @model_validator(mode="after")
    def _abstains_where_it_can(self) -> "RunConfig":
        if self.serving.abstains and self.problem.kind != "classification":
            raise ValueError(f"a {self.problem.kind} cannot abstain: take the limits out of `serving`")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        return (env_settings, init_settings) if cls.heeds_environment else (init_settings,)


class RecordedConfig(RunConfig):
    """A config read back as it was recorded: the environment of whoever reads it changes nothing."""

    heeds_environment: ClassVar[bool] = False
