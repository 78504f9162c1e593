"""MPI: who relaxes which seed, records, resuming."""
