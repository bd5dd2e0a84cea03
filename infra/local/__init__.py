"""The functions of the AWS stack on one machine: gateway, clock and engine. Never shipped."""
