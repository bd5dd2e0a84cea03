"""News of committed changes: the tables' streams, the function that reads them, the bus, the rules.

stream of a table ──> publish ──> bus ──rule of a platform──> the platform's own bus
└─ given up after a day ──> dead letters
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.shared.domain.news import SOURCE
from functions.shared.store.changes import streamed_suffixes
from infra.deployment import Deployment
from infra.functions import Function
from infra.tables import Tables

# Large enough to use the bus's calls of ten well, small enough for a second's work.
BATCH = 100
# A stream keeps a record for a day. An hour before that, what cannot be told is given up, and
# told to the dead letters, rather than hold up all that is behind it.
GIVE_UP_AFTER = cdk.Duration.hours(23)


def event_bus(scope: Construct, deployment: Deployment) -> events.EventBus:
    """The bus of the deployment."""
    return events.EventBus(
        scope,
        "Bus",
        event_bus_name=f"{deployment.prefix}news",
        description="Huimin: what was committed, as CloudEvents",
    )


class News(Construct):
    """Calls the publish function with every change, and passes news on to the platforms.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the platforms' buses.
        tables: whose streams are read.
        bus: which the function publishes on.
        function: which publishes.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        tables: Tables,
        bus: events.EventBus,
        function: Function,
    ) -> None:
        super().__init__(scope, construct_id)
        if function.dead_letters is None:
            raise ValueError(f"{function.name} reads streams and needs dead letters")
        for suffix in sorted(streamed_suffixes()):
            lambda_.CfnEventSourceMapping(
                self,
                suffix.capitalize(),
                event_source_arn=tables.by_suffix[suffix].table_stream_arn,
                function_name=function.function.function_arn,
                starting_position="TRIM_HORIZON",
                batch_size=BATCH,
                # Items keep their order; different items need not wait for each other.
                parallelization_factor=10,
                bisect_batch_on_function_error=True,
                function_response_types=["ReportBatchItemFailures"],
                maximum_record_age_in_seconds=int(GIVE_UP_AFTER.to_seconds()),
                maximum_retry_attempts=-1,
                destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                    on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                        destination=function.dead_letters.queue.queue_arn
                    )
                ),
            )
        for platform_id, arn in deployment.platform_buses.items():
            name = "".join(word.capitalize() for word in platform_id.split("-"))
            events.Rule(
                self,
                f"To{name}",
                rule_name=f"{deployment.prefix}news-to-{platform_id}",
                description=f"Huimin: news for the platform {platform_id}",
                event_bus=bus,
                event_pattern=events.EventPattern(
                    source=[SOURCE], detail={"data": {"platform_id": [platform_id]}}
                ),
                targets=[
                    targets.EventBus(
                        events.EventBus.from_event_bus_arn(self, f"BusOf{name}", arn),
                        dead_letter_queue=function.dead_letters.queue,
                    )
                ],
            )
