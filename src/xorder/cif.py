"""Crystal structures from CIF files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xorder.structure import Crystal, Site


def read_cif(path: Path) -> Crystal:
    """Return the first structure of a CIF file."""
    import gemmi

    small = gemmi.make_small_structure_from_block(gemmi.cif.read(str(path)).sole_block())
    operations = gemmi.GroupOps([gemmi.Op(op) for op in small.symops])
    ops = list(operations)
    return Crystal(
        name=small.name,
        cell=np.array(small.cell.parameters),
        sites=tuple(
            Site(
                label=site.label,
                element=site.element.name,
                xyz=np.array(site.fract.tolist()),
                occupancy=site.occ,
                uiso=site.u_iso or float("nan"),
            )
            for site in small.sites
        ),
        rotations=np.array([op.rot for op in ops]) // gemmi.Op.DEN,
        translations=np.array([op.tran for op in ops]) / gemmi.Op.DEN,
        space_group=small.spacegroup_hm,
        space_group_number=small.spacegroup_number,
        source=str(path),
    )
