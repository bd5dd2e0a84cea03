"""Holds, redemptions and refunds: the redeem function."""
