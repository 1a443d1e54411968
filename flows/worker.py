"""The process that serves every deployment: `python -m flows.worker`, with the store and the server in the environment.

Flows take the project's name, so one worker serves any number of projects.
"""

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

from flows.drift import drift
from flows.events import retrain_triggers
from flows.ingest import ingest
from flows.retrain import retrain
from flows.watch import watch

DEPLOYMENTS = ("drift/drift", "ingest/ingest", "retrain/retrain", "watch/watch")


def main() -> None:
    """Serve until stopped."""
    one_at_a_time = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    serve(
        ingest.to_deployment("ingest", tags=["fsl"], concurrency_limit=one_at_a_time),
        retrain.to_deployment(
            "retrain", tags=["fsl"], triggers=list(retrain_triggers()), concurrency_limit=one_at_a_time
        ),
        drift.to_deployment("drift", tags=["fsl"], concurrency_limit=one_at_a_time),
        watch.to_deployment("watch", tags=["fsl"], concurrency_limit=one_at_a_time),
        limit=4,
        print_starting_message=False,
    )


if __name__ == "__main__":
    main()
