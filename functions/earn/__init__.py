"""Vouchers that orders earn."""
