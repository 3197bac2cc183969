"""Fuzzing that takes minutes; see fuzz.py."""
