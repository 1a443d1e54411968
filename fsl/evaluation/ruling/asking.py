"""Whether a person has the last word on a verdict. The waiting and the answer are `fsl.promotion.approval`'s."""

from fsl.config import GateConfig
from fsl.evaluation.ruling.verdict import Outcome


def why_ask(outcome: Outcome, *gates: GateConfig) -> str | None:
    """Return why a person must decide, in words, or None where the verdict alone does.

    Args:
        gates: of the retrain's plan and of the project as it is now: whichever asks is heeded, so that a plan made
            before `gate.approval` was set does not slip past it.
    """
    if outcome is Outcome.PROMOTE and any(gate.approval == "required" for gate in gates):
        return "`gate.approval` is required"
    if outcome is Outcome.UNDECIDED and any(gate.on_undecided == "ask" for gate in gates):
        return "the gate is undecided, and `gate.on_undecided` is ask"
    return None
