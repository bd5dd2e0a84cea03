"""What runs by schedule: bills, settlements, sweep, rollover, closing, invariants."""
