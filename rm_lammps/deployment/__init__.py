"""A trained model becomes a bundle for LAMMPS; the plugin, and what this machine is ready for."""
