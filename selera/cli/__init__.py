"""Commands, the composition of the settings, and the supervisor behind `selera run`."""
