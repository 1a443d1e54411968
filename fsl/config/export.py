"""How a bundle is made: `export`."""

from pydantic import Field, PositiveFloat

from fsl.config.base import Section, Share


class ExportConfig(Section):
    """ONNX, and how far int8 may be from fp32."""

    int8: bool = True
    max_disagreement: Share = Field(
        default=0.015, description="Upper 95% bound of the share of unlabelled texts whose answer int8 may change."
    )
    max_parity_error: PositiveFloat = Field(
        default=1e-3, description="Largest difference of probabilities, torch to fp32."
    )
