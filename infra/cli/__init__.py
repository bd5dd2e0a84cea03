"""The `huimin` command."""
