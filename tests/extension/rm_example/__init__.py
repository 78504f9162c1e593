"""Kinds that another package adds to rm_lammps."""
