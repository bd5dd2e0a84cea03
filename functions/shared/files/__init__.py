"""How rows become files: CSV for machines, XLSX and HTML for people, JSON, and the manifest."""
