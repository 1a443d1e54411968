"""One frozen typed tree, which `fsl.config.file` reads from one `fsl.yaml`. Every default of the product stands here.

Any value can be overridden from the environment: `FSL_STORE__ENDPOINT_URL` sets `store.endpoint_url`. Secrets are
never part of it (they come by the AWS credential chain), so a config can be logged, compared, and stored beside the
model it produced.
"""

from fsl.config.base import PACKAGED_ENCODER, Section, Share
from fsl.config.data import DataConfig, ProblemConfig, RetentionConfig, SplitConfig
from fsl.config.deploying import DeployConfig, UpConfig
from fsl.config.drift import DriftConfig, DriftRuleConfig, SurgeConfig, WatchConfig
from fsl.config.export import ExportConfig
from fsl.config.fitting import AdapterConfig, TeacherConfig, TrainingConfig
from fsl.config.gate import BehaviourConfig, GateConfig, SliceConfig
from fsl.config.learning import (
    CandidateConfig,
    DistillationConfig,
    EncoderConfig,
    LearningConfig,
    MetaConfig,
    PropagationConfig,
)
from fsl.config.run import RecordedConfig, RunConfig
from fsl.config.scheduling import (
    ClaimsConfig,
    Cron,
    EventName,
    FlowName,
    ScheduleConfig,
    SilenceConfig,
    TriggerConfig,
    TriggerRuleConfig,
)
from fsl.config.serving import ServingConfig
from fsl.config.store import RegistryConfig, StoreConfig, TrustedKeyConfig

__all__ = [
    "PACKAGED_ENCODER",
    "AdapterConfig",
    "BehaviourConfig",
    "CandidateConfig",
    "ClaimsConfig",
    "Cron",
    "DataConfig",
    "DeployConfig",
    "DistillationConfig",
    "DriftConfig",
    "DriftRuleConfig",
    "EncoderConfig",
    "EventName",
    "ExportConfig",
    "FlowName",
    "GateConfig",
    "LearningConfig",
    "MetaConfig",
    "ProblemConfig",
    "PropagationConfig",
    "RecordedConfig",
    "RegistryConfig",
    "RetentionConfig",
    "RunConfig",
    "ScheduleConfig",
    "Section",
    "ServingConfig",
    "Share",
    "SilenceConfig",
    "SliceConfig",
    "SplitConfig",
    "StoreConfig",
    "SurgeConfig",
    "TeacherConfig",
    "TrainingConfig",
    "TriggerConfig",
    "TriggerRuleConfig",
    "TrustedKeyConfig",
    "UpConfig",
    "WatchConfig",
]
