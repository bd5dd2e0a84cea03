"""What gives the deployed functions a clock that a test can set; see `sitecustomize`."""
