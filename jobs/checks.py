"""System checks: wrong combinations of settings, with an id and a hint."""
