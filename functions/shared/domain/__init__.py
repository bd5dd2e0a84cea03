"""Money, states and rules: standard library only, no I/O; time and ids are passed in."""
