"""Platforms hand in bills and fetch their settlement files."""
