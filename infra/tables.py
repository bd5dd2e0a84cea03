"""The DynamoDB tables, made from the store's own schema: no key is written twice."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from functions.shared.store.changes import streamed_suffixes
from functions.shared.store.schemas import IndexSchema, table_schema
from functions.shared.store.tables import MODELS
from infra.deployment import Deployment

_TYPES = {
    "S": dynamodb.AttributeType.STRING,
    "N": dynamodb.AttributeType.NUMBER,
    "B": dynamodb.AttributeType.BINARY,
}
# What is new of a change shows only beside what was there before.
_STREAM = dynamodb.StreamViewType.NEW_AND_OLD_IMAGES


def _attribute(name: str, kind: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=_TYPES[kind])


def _add_index(table: dynamodb.Table, index: IndexSchema) -> None:
    key = index.key
    table.add_global_secondary_index(
        index_name=index.name,
        partition_key=_attribute(key.hash_key, key.hash_type),
        sort_key=_attribute(key.range_key, key.range_type)
        if key.range_key and key.range_type
        else None,
        projection_type=dynamodb.ProjectionType[index.projection],
        non_key_attributes=list(index.included) or None,
    )


class Tables(Construct):
    """One table per model: on demand, restorable to any second of 35 days, and never deleted.

    Money lies here, so a table outlives its stack (RETAIN), refuses deletion, and is encrypted
    with the deployment's own key. Nothing has a TTL: money records do not lapse.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the prefix of the tables' names.
        key: encrypts every table and index.

    """

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.by_suffix: dict[str, dynamodb.Table] = {}
        for model in MODELS:
            schema = table_schema(model)
            table = dynamodb.Table(
                self,
                schema.suffix.capitalize(),
                table_name=f"{deployment.prefix}{schema.suffix}",
                partition_key=_attribute(schema.key.hash_key, schema.key.hash_type),
                sort_key=_attribute(schema.key.range_key, schema.key.range_type)
                if schema.key.range_key and schema.key.range_type
                else None,
                billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
                point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                deletion_protection=True,
                encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
                encryption_key=key,
                stream=_STREAM if schema.suffix in streamed_suffixes() else None,
                removal_policy=cdk.RemovalPolicy.RETAIN,
            )
            for index in schema.indexes:
                _add_index(table, index)
            self.by_suffix[schema.suffix] = table
