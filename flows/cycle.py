"""The cycle: all that an unattended project needs, in order. This is what its schedule runs."""

from dataclasses import dataclass
from typing import Any

from prefect import flow

from flows.drift import drift
from flows.ingest import ingest
from flows.parameters import ProjectName
from flows.retrain import retrain
from flows.silence import say_silence
from fsl.errors import FslError
from tasks.intake import ask_for_retrain
from tasks.reconciling import reconcile_runs
from tasks.turns import sign_of_life


@dataclass(eq=False)
class PartsFailed(FslError):
    """Some parts of a cycle failed. The others were done."""

    reasons: dict[str, str]

    def __str__(self) -> str:
        told = "\n".join(f"{part}: {why}" for part, why in self.reasons.items())
        return f"{told}\nThe other parts of the cycle were done; the next one tries these again."


@flow(name="cycle", flow_run_name="cycle {project}", persist_result=True, result_serializer="json")
def cycle(project: ProjectName) -> dict[str, Any]:
    """Take in what was dropped, watch the champion, look for drift, and retrain where that is due.

    A part that fails keeps no other from being done; the run then ends as failed, with every reason.

    Args:
        project: the project's name, as in its fsl.yaml.
    """
    with sign_of_life(project):
        done: dict[str, Any] = {"crashed": reconcile_runs(project), "silence": say_silence(project)}
        failed: dict[str, str] = {}
        for name, part in (("ingest", ingest), ("drift", drift)):
            state = part(project, follow=False, return_state=True)
            if state.is_completed():
                done[name] = state.result()
            else:
                failed[name] = str(state.result(raise_on_failure=False))
        due = ask_for_retrain(project)
        done |= {"due": due.yes, "reason": due.reason}
        if due.yes:
            done["retrain"] = retrain(project, due.reason)
        if failed:
            raise PartsFailed(failed)
        return done
