"""Losses, schedules and the loops that finetune, extract and fit."""
