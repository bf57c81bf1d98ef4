"""Checks: what in a store contradicts itself or is missing, found and named; nothing is changed."""
