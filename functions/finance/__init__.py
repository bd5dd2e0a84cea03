"""The money side of the bureau's plane: breaks, fund returns, and what two persons pay."""
