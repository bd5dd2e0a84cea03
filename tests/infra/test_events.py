"""What runs by itself: schedules, bills that arrive, and where failures end."""

from __future__ import annotations

import json

from tests.infra.template import PLATFORM_BUSES, Template


def test_schedules_keep_beijing_time_and_lose_nothing(template: Template) -> None:
    schedules = template.named("AWS::Scheduler::Schedule", "Name")
    assert {name: made["ScheduleExpression"] for name, made in schedules.items()} == {
        "huimin-tick": "cron(0/10 * * * ? *)",
        "huimin-report": "cron(0 6 * * ? *)",
    }
    for made in schedules.values():
        assert made["ScheduleExpressionTimezone"] == "Asia/Shanghai"
        assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert made["Target"]["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert "DeadLettersQueue" in template.text(made["Target"]["DeadLetterConfig"]["Arn"])


def test_a_schedule_tells_its_function_task_and_time(template: Template) -> None:
    for name, function in (("tick", "Reconcile"), ("report", "Report")):
        target = template.named("AWS::Scheduler::Schedule", "Name")[f"huimin-{name}"]["Target"]
        assert json.loads(target["Input"]) == {
            "source": "huimin.schedule",
            "task": name,
            "time": "<aws.scheduler.scheduled-time>",
        }
        assert template.text(target["Arn"]).startswith(f"<Functions{function}Function")


def test_a_schedule_may_call_its_function_and_write_its_dead_letters_only(
    template: Template,
) -> None:
    roles = template.of_type("AWS::IAM::Role")
    for made in template.properties("AWS::Scheduler::Schedule"):
        role = roles[made["Target"]["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
        (policy,) = role["Policies"]
        allowed = {
            (action, resource)
            for statement in template.statements(policy["PolicyDocument"])
            for action in statement.actions
            for resource in statement.resources
        }
        assert allowed == {
            ("lambda:InvokeFunction", template.text(made["Target"]["Arn"])),
            ("sqs:SendMessage", template.text(made["Target"]["DeadLetterConfig"]["Arn"])),
        }
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }


def test_a_bill_that_arrives_calls_the_reconciler(template: Template) -> None:
    rule = template.named("AWS::Events::Rule", "Name")["huimin-bill-arrival"]
    (target,) = rule["Targets"]
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["object"] == {"key": [{"prefix": "bills/"}]}
    (bucket,) = pattern["detail"]["bucket"]["name"]
    assert template.text(bucket).startswith("<FilesBucket")
    assert template.text(target["Arn"]).startswith("<FunctionsReconcileFunction")
    assert "DeadLettersQueue" in template.text(target["DeadLetterConfig"]["Arn"])
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_every_stream_is_read_until_its_records_are_a_day_old(template: Template) -> None:
    """What the bus does not take is delivered again, from there on; what never is, is kept."""
    streams = {
        f"<{logical_id}.StreamArn>"
        for logical_id, table in template.of_type("AWS::DynamoDB::Table").items()
        if "StreamSpecification" in table["Properties"]
    }
    mappings = template.properties("AWS::Lambda::EventSourceMapping")
    assert {template.text(each["EventSourceArn"]) for each in mappings} == streams
    for mapping in mappings:
        assert template.text(mapping["FunctionName"]).startswith("<FunctionsPublishFunction")
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRetryAttempts"] == -1
        # A stream keeps its records for a day.
        assert 22 * 3600 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
        kept_in = template.text(mapping["DestinationConfig"]["OnFailure"]["Destination"])
        assert kept_in.startswith("<FunctionsPublishDeadLettersQueue")
        assert mapping["StartingPosition"] == "TRIM_HORIZON"


def test_a_platform_with_a_bus_gets_its_own_news_and_no_other(template: Template) -> None:
    rules = template.named("AWS::Events::Rule", "Name")
    assert rules.keys() == {"huimin-bill-arrival", "huimin-news-to-jd-pay"}
    rule = rules["huimin-news-to-jd-pay"]
    assert rule["EventPattern"] == {
        "source": ["huimin"],
        "detail": {"data": {"platform_id": ["jd-pay"]}},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == PLATFORM_BUSES["jd-pay"]
    assert "DeadLettersQueue" in template.text(target["DeadLetterConfig"]["Arn"])
    (bus,) = template.of_type("AWS::Events::EventBus")
    assert template.text(rule["EventBusName"]) == f"<{bus}>"


def test_news_that_waits_is_an_alarm(template: Template) -> None:
    alarm = template.named("AWS::CloudWatch::Alarm", "AlarmName")["huimin-news-late"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "IteratorAge")
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 3_600_000)


def test_dead_letters_are_encrypted_kept_long_and_watched(template: Template) -> None:
    queues = template.named("AWS::SQS::Queue", "QueueName")
    watched = {
        template.text(each["Value"])
        for alarm in template.properties("AWS::CloudWatch::Alarm")
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        for each in alarm["Dimensions"]
    }
    assert queues.keys() == {
        f"huimin-{name}-dead-letters" for name in ("publish", "reconcile", "report")
    }
    assert len(watched) == len(queues)
    for queue in queues.values():
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    for policy in template.properties("AWS::SQS::QueuePolicy"):
        denials = [
            each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [each["Condition"] for each in denials]


def test_silence_and_drift_of_the_invariants_are_alarms(template: Template) -> None:
    alarms = template.named("AWS::CloudWatch::Alarm", "AlarmName")
    drift, silence = alarms["huimin-invariant-drift"], alarms["huimin-invariant-check-missing"]
    for alarm in (drift, silence):
        assert (alarm["Namespace"], alarm["MetricName"]) == ("Huimin", "InvariantDriftFen")
        assert alarm["Dimensions"] == [{"Name": "function", "Value": "reconcile"}]
    assert (drift["Statistic"], drift["Threshold"]) == ("Maximum", 0)
    assert drift["ComparisonOperator"] == "GreaterThanThreshold"
    assert silence["Period"] * silence["EvaluationPeriods"] == 26 * 3600
    assert silence["TreatMissingData"] == "breaching"


def test_a_quarantined_bill_is_an_alarm(template: Template) -> None:
    alarm = template.named("AWS::CloudWatch::Alarm", "AlarmName")["huimin-bill-quarantined"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("Huimin", "BillsQuarantined")
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)


def test_every_alarm_tells_someone(template: Template) -> None:
    for alarm in template.properties("AWS::CloudWatch::Alarm"):
        assert [template.text(each)[:12] for each in alarm["AlarmActions"]] == ["<AlarmsTopic"]
    (subscription,) = template.properties("AWS::SNS::Subscription")
    assert subscription["Endpoint"] == "duty@example.com"
