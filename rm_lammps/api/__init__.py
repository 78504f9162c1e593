"""What ``import rm_lammps`` offers; each module is imported when one of its names is first used."""
