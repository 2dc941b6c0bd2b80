"""Restoring archived objects: asked for, done some hours later by the clock, and past some days later."""
