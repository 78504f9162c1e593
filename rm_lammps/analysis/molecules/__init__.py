"""Judge molecules: bonds, validity, energies; needs the extra ``molecules``."""
