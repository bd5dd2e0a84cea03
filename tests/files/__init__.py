"""Files: what is written can be read back, says what it holds, and cannot be turned on a reader."""
