"""One module for each stage; its LAMMPS script is in ``lammps_inputs/``."""
