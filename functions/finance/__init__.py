"""The money side of the bureau's plane: breaks, settlements, fund returns, payments."""
