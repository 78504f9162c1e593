"""Formulas, bonds and valences."""
