"""Issuing vouchers, whoever asks for them: between the store and the functions that issue."""
