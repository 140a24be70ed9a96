"""A rendered look-alike of MPI3D: scene, ray caster, domains and files."""
