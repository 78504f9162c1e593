"""What frames say in ``Atoms.info``: every key, and what it means."""

RELAXED = {
    "seed": "number of the seed in its run",
    "formula": "as asked for; with `--z` or `--heavy` the content of this cell",
    "seed_kind": "the kind of the seed: `random`, `prototype`, ... ([kinds](kinds.md))",
    "energy": "E~ of the cell, pseudo-eV. ASE hands this key to the frame's calculator on reading: "
    "`atoms.get_potential_energy()`",
    "energy_per_atom": "pseudo-eV",
    "terms": "where there are energy terms beside E~: the energy of each and of E~ by name, "
    "pseudo-eV; `energy` is their sum",
    "volume_per_atom": "Å³; of crystals",
    "fmax": "largest force on an atom, pseudo-eV/Å",
    "max_stress": "largest stress component by magnitude, GPa",
    "evaluations": "energy and force evaluations spent on the seed",
    "seconds": "time of one rank spent on the seed",
    "run": "name of the run, where [several](../howto/resume_merge.md#put-several-runs-together) "
    "were put together",
}
"""Frames of ``structures.extxyz``."""

ORIGIN = {
    "prototype": "of seeds from known structures: the place of the known structure in the order of "
    "[votes](../explanation/seeds.md#one-vote), from 0",
    "prototype_share": "its share of the votes, 0 to 1",
    "prototype_formula": "its reduced formula",
    "prototype_id": "its identifier, where it has one",
    "wyckoff": "of seeds with a symmetry: space group, and the positions of each element",
    "prior": "how likely these positions are ([learned symmetry]"
    "(../explanation/learned_symmetry.md))",
    "relaxed_group": "where symmetry was asked for: number of the space group after the relaxation",
    "host_atoms": "of seeds in a host: number of the host's atoms, which come first",
    "gap": "of interfaces: distance between the two hosts, Å",
    "shift_a": "by what share of the first cell vector the upper host was moved",
    "shift_b": "by what share of the second",
    "molecules": "of packed molecules: how many",
}
"""What kinds of seeds say of theirs; kinds of other packages may say more."""

UNIQUE = {
    "rank": "place among the structures of the same reduced composition, from 1",
    "rank_score": "what the structure is ranked by, lower is better "
    "([ranking](../explanation/ranking.md))",
    "score_votes": "what known structures add to the energy in `rank_score`, eV per atom; negative "
    "speaks for the structure",
    "score_symmetry": "what the symmetry adds",
    "score_found": "what the number of seeds adds",
    "found": "how many seeds ended in this structure",
    "seeds": "which ones. ASE reads a single one as a number, several as an array",
    "runs": "the run of each, where several were put together",
    "space_group": "symbol within 0.1 Å (`--symprec`), by spglib; `unknown` for molecules",
    "space_group_number": "its number; 0 for molecules",
    "space_group_tight": "symbol within 0.01 Å",
    "space_group_tight_number": "its number",
}
"""Frames of ``unique.extxyz`` and of what is made from it."""

MOLECULES = {
    "smiles": "SMILES without stereochemistry",
    "inchikey": "InChIKey",
    "passes": "whether every check is passed ([judge molecules](../howto/judge_molecules.md))",
    "alerts": "names of unusual groups of atoms, where there are any",
    "xtb_energy_per_atom": "energy by GFN2-xTB after its relaxation (`--xtb`), eV",
    "xtb_rmsd": "how far that relaxation moved the atoms, Å",
    "xtb_same_bonds": "whether the bonds stayed",
    "xtb_energy": "in `unique_xtb.extxyz`: energy of the molecule by GFN2-xTB, eV",
    "xtb_converged": "in `unique_xtb.extxyz`: whether the relaxation converged",
}
"""Unique molecules."""

POTENTIALS = {
    "ranked_by": "the potentials whose energy counts, or `E~`",
    "physical_energy_per_atom": "mean energy by the potentials, eV. The energy by each stands "
    "under its own name, as `chgnet_energy_per_atom`",
    "physical_volume_per_atom": "the volume that belongs to this energy, Å³",
    "disagreement": "standard deviation over the potentials of the energy above the best structure "
    "of the composition, eV per atom",
    "above_hull": "energy above the convex hull of known structures, eV per atom",
    "above_hull_disagreement": "its standard deviation over the potentials, eV per atom",
    "hull_references": "number of known structures that the hull rests on",
    "hull_missing": "elements without a known structure of their own, where there are any",
    "refined_by": "the potential that relaxed the structure",
    "refined": "whether this relaxation converged",
    "refined_rms": "how far it moved the atoms, in units of (V/N)^(1/3), V the volume and N the "
    "number of atoms",
}
"""Structures that [physical potentials](../howto/second_opinion.md) looked at."""
