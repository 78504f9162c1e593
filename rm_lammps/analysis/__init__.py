"""What was found: match, deduplicate, name, measure, draw."""
