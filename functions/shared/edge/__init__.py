"""The only importer of powertools and pydantic: HTTP, identity, problems, settings, telemetry."""
