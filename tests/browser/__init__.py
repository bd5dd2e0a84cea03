"""Pages as people see them: rendered, clicked and printed by Chromium."""
