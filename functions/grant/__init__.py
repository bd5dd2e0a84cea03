"""The grant function: vouchers for persons whom the bureau names."""
