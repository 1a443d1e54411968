"""How a bundle is made: `export`."""

from pydantic import Field, PositiveFloat, PositiveInt

from fsl.config.base import Section, Share


class ExportConfig(Section):
    """ONNX, and how far int8 may be from fp32."""

    int8: bool = True
    float16: bool = Field(
        default=False, description="Instead of int8: half precision, for GPUs, where it holds the same limits."
    )
    max_disagreement: Share = Field(
        default=0.015, description="Upper 95% bound of the share of unlabelled texts whose answer int8 may change."
    )
    max_self_disagreement: Share = Field(
        default=0.005, description="Share of texts whose int8 answer may depend on the texts it is batched with."
    )
    max_parity_error: PositiveFloat = Field(
        default=1e-3, description="Largest difference of probabilities, torch to fp32."
    )
    max_logit_error: PositiveFloat = Field(default=1e-2, description="Largest difference of logits, torch to fp32.")
    max_int8_error: Share = Field(
        default=0.5, description="Largest difference of probabilities, fp32 to int8, on the awkward rows."
    )
    max_texts: PositiveInt = Field(
        default=3000, description="Unlabelled texts that int8 is measured on; the default bound needs 2,000 or so."
    )
    search_seconds: PositiveFloat = Field(
        default=60.0, description="No further int8 recipe is tried after so long; the best so far may still ship."
    )
