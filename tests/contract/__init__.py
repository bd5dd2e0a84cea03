"""What happens at once, on a DynamoDB engine with true transactions."""
