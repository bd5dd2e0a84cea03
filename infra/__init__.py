"""What runs where: the CDK app, the local stack and the command line."""
