"""Rehearsal, checks and upload of a submission."""
