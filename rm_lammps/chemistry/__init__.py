"""What holds for elements and formulas everywhere; nothing of the package is imported here."""
