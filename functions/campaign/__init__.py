"""The bureau's plane: campaigns, approvals, platforms and merchants."""
