"""What stands on the ground and who answers for it: descriptions, stores, import, rules, indicators."""
