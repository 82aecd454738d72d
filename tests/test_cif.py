"""Crystal structures from CIF files: what programs write, and what is wrong with a file."""

import re
import time
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from xorder import load_structure, references
from xorder.cif_sites import parse_formula, parse_number, split_species
from xorder.errors import BadStructure, MissingFile, StructureWarning
from xorder.structure import Crystal, composition, density, unit_cell_atoms

CIFS = Path(__file__).parent / "cifs"

CELL = {
    "_cell_length_a": "6.5099(3)",
    "_cell_length_b": "6.9161(2)",
    "_cell_length_c": "19.2152(9)",
    "_cell_angle_alpha": "90",
    "_cell_angle_beta": "91.037(4)",
    "_cell_angle_gamma": "90",
}
SMALL_CELL = dict(CELL, _cell_length_a="4.5", _cell_length_b="4.5", _cell_length_c="6.0")
OPERATIONS = {
    "P 1 21/c 1": ("x,y,z", "-x,y+1/2,-z+1/2", "-x,-y,-z", "x,-y+1/2,z+1/2"),
    "P 1 21/n 1": ("x,y,z", "-x+1/2,y+1/2,-z+1/2", "-x,-y,-z", "x+1/2,-y+1/2,z+1/2"),
}
COLUMNS = "label type_symbol fract_x fract_y fract_z U_iso_or_equiv occupancy"
ATOMS = (
    "Na1 Na1+ 0.21061 0.19494 0.25631 0.020 1",
    "Ta1 Ta5+ 0.73275(2) 0.22093(2) 0.87257(1) 0.012 1",
    "Cl1 Cl1- 0.63630 0.19497 0.74964 0.016 1",
    "Cl2 Cl1- 0.43308 0.38936 0.89258 0.016 1",
    "Cl3 Cl1- 0.92343 0.99317 0.34468 0.016 1",
    "Cl4 Cl1- 0.84218 0.24997 0.98657 0.016 1",
    "Cl5 Cl1- 0.03085 0.02779 0.84794 0.016 1",
    "Cl6 Cl1- 0.56518 0.56649 0.39710 0.016 1",
)


def cif_text(
    *,
    name: str = "NaTaCl6",
    cell: dict[str, str] | None = None,
    operations: tuple[str, ...] = OPERATIONS["P 1 21/c 1"],
    symbol: str = "P 1 21/c 1",
    columns: str = COLUMNS,
    atoms: tuple[str, ...] = ATOMS,
    formula: str = "Na Ta Cl6",
    more: str = "_cell_formula_units_Z 4\n",
) -> str:
    """Return a CIF of a model of NaTaCl6, with parts of it replaced."""
    lines = [f"data_{name}"]
    lines += [f"{tag} {value}" for tag, value in (CELL if cell is None else cell).items()]
    if formula:
        lines.append(f"_chemical_formula_sum '{formula}'")
    if symbol:
        lines.append(f"_space_group_name_H-M_alt '{symbol}'")
    if operations:
        lines += ["loop_", "_space_group_symop_operation_xyz"]
        lines += [f"'{operation}'" for operation in operations]
    if atoms:
        lines += ["loop_", *(f"_atom_site_{column}" for column in columns.split()), *atoms]
    return "\n".join(lines) + "\n" + more


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Crystal]:
    """Return a function that writes a CIF with some parts replaced and loads it."""

    def write_and_load(text: str | None = None, **parts: object) -> Crystal:
        path = tmp_path / "sample.cif"
        path.write_text(cif_text(**parts) if text is None else text, encoding="utf-8")
        return load_structure(path)

    return write_and_load


def replaced(index: int, row: str) -> tuple[str, ...]:
    return (*ATOMS[:index], row, *ATOMS[index + 1 :])


# What a sound file gives


def test_a_sound_file_gives_no_warning_and_no_note(load: Callable[..., Crystal]) -> None:
    crystal = load()
    assert crystal.notes == ()
    assert crystal.space_group == "P 1 21/c 1"
    assert crystal.space_group_number == 14
    assert crystal.formula_units == 4
    assert [site.label for site in crystal.sites[:3]] == ["Na1", "Ta1", "Cl1"]
    assert [site.charge for site in crystal.sites[:3]] == [1, 5, -1]
    assert composition(crystal) == {"Na": 4, "Ta": 4, "Cl": 24}


def test_standard_errors_of_the_cell_are_kept(load: Callable[..., Crystal]) -> None:
    crystal = load()
    np.testing.assert_allclose(crystal.cell[:3], [6.5099, 6.9161, 19.2152])
    np.testing.assert_allclose(crystal.cell_stderr, [3e-4, 2e-4, 9e-4, np.nan, 4e-3, np.nan])


def test_density_is_that_of_formula_weight_over_volume(load: Callable[..., Crystal]) -> None:
    weight = 22.98977 + 180.94788 + 6 * 35.453
    assert density(load()) == pytest.approx(4 * weight * 1.66053907 / 864.987, rel=1e-4)


@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ("1.234(5)", 1.234, 0.005),
        ("-0.0012(12)", -0.0012, 0.0012),
        ("150(2)", 150.0, 2.0),
        ("90.", 90.0, np.nan),
        (".25", 0.25, np.nan),
        ("1.2e-3", 0.0012, np.nan),
        ("1.5E2(3)", 150.0, 30.0),
        ("1e999", np.nan, np.nan),
        ("1e-400(3)", 0.0, 0.0),
        ("?", np.nan, np.nan),
        (".", np.nan, np.nan),
        ("0,25", np.nan, np.nan),
        ("nan", np.nan, np.nan),
        ("1_000", np.nan, np.nan),
        ("0.2 5", np.nan, np.nan),
    ],
)
def test_numbers_with_standard_errors(text: str, value: float, error: float) -> None:
    np.testing.assert_allclose(parse_number(text), (value, error), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "element", "charge"),
    [
        ("Na1+", "Na", 1),
        ("Na+1", "Na", 1),
        ("Cl-", "Cl", -1),
        ("O-2", "O", -2),
        ("O2-", "O", -2),
        ("TA5+", "Ta", 5),
        ("V3.5+", "V", 3.5),
        ("D", "D", 0),
        ("Wat", "", 0),
        ("Q", "", 0),
        ("", "", 0),
    ],
)
def test_types_with_charges(text: str, element: str, charge: float) -> None:
    assert split_species(text) == (element, charge)


def test_formulas() -> None:
    assert parse_formula("C12.75 H15 As2") == {"C": 12.75, "H": 15, "As": 2}
    assert parse_formula("Al2Mg1O4") == {"Al": 2, "Mg": 1, "O": 4}
    assert parse_formula("Fe Sn (O6 H6)") == {"Fe": 1, "Sn": 1, "O": 6, "H": 6}
    assert parse_formula("Na (P O4)2") == {}
    assert parse_formula("Xy2") == {}
    assert parse_formula("") == {}


# Files as programs and databases write them


def test_gsas2_file_with_several_blocks_gives_its_one_structure() -> None:
    crystal = load_structure(CIFS / "gsas2_style.cif")
    assert crystal.name == "gsas2_style_phase_0"
    assert crystal.space_group == "F m -3 m"
    assert len(crystal.rotations) == 192
    assert composition(crystal) == {"Na": 4, "Cl": 4}
    assert [site.charge for site in crystal.sites] == [1, -1]
    assert crystal.sites[0].uiso == pytest.approx(0.0151)


def test_icsd_file_without_operations_has_the_origin_its_letter_says() -> None:
    crystal = load_structure(CIFS / "icsd_style.cif")
    assert crystal.deposit == "ICSD 999999"
    assert crystal.space_group == "F d -3 m:2"
    assert composition(crystal) == {"Mg": 8, "Al": 16, "O": 32}
    assert crystal.sites[0].uiso == pytest.approx(0.35 / (8 * np.pi**2))


def test_materials_project_file_with_the_whole_cell_as_formula_is_no_contradiction() -> None:
    with pytest.warns(StructureWarning, match="no atom has a displacement U"):
        crystal = load_structure(CIFS / "materials_project_style.cif")
    assert crystal.notes == ("no atom has a displacement U",)
    assert len(unit_cell_atoms(crystal).xyz) == 8
    assert crystal.space_group == "P 1"


def test_fullprof_file_without_z_and_formula() -> None:
    crystal = load_structure(CIFS / "fullprof_style.cif")
    assert crystal.space_group == "P 1 21/n 1"
    assert composition(crystal) == {"Y": 2, "Na": 6, "Cl": 12}
    assert crystal.sites[0].uiso == pytest.approx(1.10 / (8 * np.pi**2))


@pytest.mark.parametrize(
    ("file", "deposit", "symbol", "number_of_atoms"),
    [
        ("Al2O3.cif", "COD 1000032", "R -3 c:H", 30),
        ("CaF2.cif", "COD 5000222", "F m -3 m", 12),
        ("ZnO.cif", "COD 9008877", "P 63 m c", 4),
    ],
)
def test_files_of_the_crystallography_open_database(
    shared: Callable[..., Path], file: str, deposit: str, symbol: str, number_of_atoms: int
) -> None:
    path = shared("data", "diffraction", file)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*no atom has a displacement", StructureWarning)
        crystal = load_structure(path)
    assert crystal.deposit == deposit
    assert crystal.space_group == symbol
    assert len(unit_cell_atoms(crystal).xyz) == number_of_atoms


def test_dots_of_cif2_and_other_cases_of_tags_read_alike(load: Callable[..., Crystal]) -> None:
    text = (
        cif_text().replace("_atom_site_", "_ATOM_site.").replace("_cell_length_", "_cell.LENGTH_")
    )
    assert composition(load(text)) == composition(load())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "sample.cif"
    text = cif_text(more="_cell_formula_units_Z 4\n_audit_author_name 'Müller, É.'\n")
    path.write_bytes(text.encode(encoding))
    assert len(load_structure(path).sites) == 8


def test_windows_line_ends_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "sample.cif"
    path.write_bytes(cif_text().replace("\n", "\r\n").encode())
    assert load_structure(path).notes == ()


@pytest.mark.reference
@pytest.mark.parametrize(
    "file", ["gsas2_style.cif", "materials_project_style.cif", "fullprof_style.cif"]
)
def test_files_of_programs_read_as_pymatgen_reads_them(file: str) -> None:
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = load_structure(CIFS / file)
        theirs = CifParser(CIFS / file).parse_structures(primitive=False)[0]
    assert composition(ours) == pytest.approx(
        {element.symbol: count for element, count in theirs.composition.element_composition.items()}
    )
    assert density(ours) == pytest.approx(theirs.density, rel=1e-3)
    np.testing.assert_allclose(ours.cell, theirs.lattice.parameters, rtol=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize("name", references.names())
def test_reference_files_read_as_gemmi_reads_them(name: str) -> None:
    import gemmi

    text = (resources.files("xorder.reference_spectra") / f"structures/{name}.cif").read_text()
    small = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text).sole_block())
    atoms = unit_cell_atoms(references.load(name))
    theirs = small.get_all_unit_cell_sites()
    assert len(theirs) == len(atoms.xyz)
    for site in theirs:
        difference = atoms.xyz - np.array(site.fract.tolist())
        distance = np.abs(difference - np.round(difference)).sum(axis=1)
        nearest = np.argmin(distance)
        assert distance[nearest] < 1e-4
        assert atoms.elements[nearest] == site.element.name


# A file constructed with the features of the cyano-cluster deposit


@pytest.fixture(scope="module")
def cluster() -> Crystal:
    with pytest.warns(StructureWarning, match="14 H missing"):
        return load_structure(CIFS / "constructed_cluster.cif")


def test_cluster_file_with_shelx_blocks_keeps_every_site(cluster: Crystal) -> None:
    assert len(cluster.sites) == 4 + 8 + 7 + 24 + 6 + 2 + 8
    assert cluster.space_group == "P -1"
    assert cluster.temperature == 150
    assert composition(cluster)["Na"] == pytest.approx(12)


def test_mixed_sites_are_two_sites_on_one_position(cluster: Crystal) -> None:
    sites = {site.label: site for site in cluster.sites}
    for number in range(1, 5):
        arsenic, sulfur = sites[f"As{number}"], sites[f"S{number}"]
        assert (arsenic.element, sulfur.element) == ("As", "S")
        np.testing.assert_array_equal(arsenic.xyz, sulfur.xyz)
        assert arsenic.occupancy + sulfur.occupancy == 1
        assert (arsenic.disorder_assembly, arsenic.disorder_group) == ("A", "1")
        assert (sulfur.disorder_assembly, sulfur.disorder_group) == ("A", "2")
    atoms = unit_cell_atoms(cluster)
    assert np.count_nonzero(atoms.elements == "As") == 8
    assert np.count_nonzero(atoms.elements == "S") == 8


def test_missing_hydrogen_is_named_with_its_count(cluster: Crystal) -> None:
    assert cluster.notes == (
        "14 H missing: the cell holds 16, C12.75 H15 As2 N12 Na6 O6.75 Re4 S2 × Z = 2 has 30",
    )


def test_anisotropic_displacements_belong_to_their_labels(cluster: Crystal) -> None:
    sites = {site.label: site for site in cluster.sites}
    assert sites["Re1"].uij is not None
    np.testing.assert_allclose(np.diag(sites["Re1"].uij), [0.0132, 0.0108, 0.0120])
    assert sites["Re1"].uij[0, 1] == pytest.approx(0.0042)
    assert sites["H1A"].uij is None
    assert sites["H1A"].uiso == pytest.approx(0.053)


# Deposit expected


def test_the_expected_deposit_is_accepted(tmp_path: Path) -> None:
    text = (CIFS / "constructed_cluster.cif").read_text(encoding="utf-8")
    path = tmp_path / "as_if_deposited.cif"
    path.write_text(text.replace("CCDC 0000000", "CCDC 2329960"), encoding="utf-8")
    with pytest.warns(StructureWarning, match="H missing"):
        crystal = load_structure(path, expect="CCDC 2329960")
    assert crystal.deposit == "CCDC 2329960"


def test_another_compound_in_place_of_the_expected_deposit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sample.cif"
    path.write_text(cif_text(), encoding="utf-8")
    with pytest.raises(BadStructure) as caught:
        load_structure(path, expect="CCDC 2329960")
    message = str(caught.value)
    assert "this is NaTaCl6 in P 1 21/c 1" in message
    assert "deposit number missing" in message
    assert "a = 6.5099 Å instead of 9.4363 Å" in message
    assert "space group P 1 21/c 1 instead of P -1" in message
    assert "no As, C, N, O, Re, S" in message


def test_an_unknown_deposit_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "sample.cif"
    path.write_text(cif_text(), encoding="utf-8")
    with pytest.raises(ValueError, match=r"nothing is known.*CCDC 2329960"):
        load_structure(path, expect="CCDC 1")


@pytest.mark.parametrize(
    ("tag", "value", "deposit"),
    [
        ("_database_code_depnum_ccdc_archive", "'CCDC 123456'", "CCDC 123456"),
        ("_database_code_depnum_ccdc_archive", "123456", "CCDC 123456"),
        ("_database_code_ICSD", "74928", "ICSD 74928"),
        ("_cod_database_code", "1000032", "COD 1000032"),
        ("_database_code_amcsd", "0003397", "AMCSD 0003397"),
        ("_database_code_depnum_ccdc_archive", "?", ""),
    ],
)
def test_deposit_numbers(load: Callable[..., Crystal], tag: str, value: str, deposit: str) -> None:
    assert load(more=f"_cell_formula_units_Z 4\n{tag} {value}\n").deposit == deposit


# Symmetry


@pytest.mark.parametrize("setting", OPERATIONS)
def test_settings_of_group_14_are_never_confused(
    load: Callable[..., Crystal], setting: str
) -> None:
    with_operations = load(operations=OPERATIONS[setting], symbol=setting)
    with_symbol = load(operations=(), symbol=setting)
    for crystal in (with_operations, with_symbol):
        assert crystal.space_group == setting
        assert crystal.notes == ()
    one, other = (unit_cell_atoms(c).xyz for c in (with_operations, with_symbol))
    np.testing.assert_allclose(sorted(one.tolist()), sorted(other.tolist()), atol=1e-12)


@pytest.mark.parametrize("symbol", ["P 21/n", "P21/n", "P2_1/n", "P2(1)/n", "P 1 21/n 1", "p 21/n"])
def test_spellings_of_one_setting(load: Callable[..., Crystal], symbol: str) -> None:
    assert load(operations=(), symbol=symbol).space_group == "P 1 21/n 1"


def test_operations_win_over_a_symbol_that_disagrees(load: Callable[..., Crystal]) -> None:
    with pytest.warns(
        StructureWarning, match="symbol is P 21/n but the operations are those of P 1"
    ):
        crystal = load(symbol="P 21/n")
    assert crystal.space_group == "P 1 21/c 1"
    assert "the operations are used" in crystal.notes[0]


def test_hall_symbol_wins_over_hermann_mauguin_symbol(load: Callable[..., Crystal]) -> None:
    hall = "_cell_formula_units_Z 4\n_space_group_name_Hall '-P 2yn'\n"
    with pytest.warns(StructureWarning, match="symbol is P 1 21/c 1 but the operations are those"):
        crystal = load(operations=(), symbol="P 1 21/c 1", more=hall)
    assert crystal.space_group == "P 1 21/n 1"


def test_a_number_alone_takes_the_standard_setting_and_says_so(
    load: Callable[..., Crystal],
) -> None:
    number = "_cell_formula_units_Z 4\n_symmetry_Int_Tables_number 14\n"
    with pytest.warns(StructureWarning, match="only the space-group number 14"):
        crystal = load(operations=(), symbol="", more=number)
    assert crystal.space_group == "P 1 21/c 1"


def test_an_origin_that_nothing_tells_is_a_doubt(load: Callable[..., Crystal]) -> None:
    cell = dict(CELL, **{f"_cell_length_{axis}": "5.43" for axis in "abc"}, _cell_angle_beta="90")
    with pytest.warns(StructureWarning, match="does not say which origin"):
        crystal = load(
            cell=cell, operations=(), symbol="F d -3 m", formula="", atoms=("Si1 Si 0 0 0 0.006 1",)
        )
    assert crystal.space_group == "F d -3 m:1"
    assert composition(crystal) == {"Si": 8}


def test_operations_listed_twice_count_once(load: Callable[..., Crystal]) -> None:
    operations = OPERATIONS["P 1 21/c 1"]
    assert len(load(operations=operations + operations[:2]).rotations) == 4


def test_the_identity_is_the_first_operation(load: Callable[..., Crystal]) -> None:
    crystal = load(operations=OPERATIONS["P 1 21/c 1"][::-1])
    np.testing.assert_array_equal(crystal.rotations[0], np.eye(3))
    np.testing.assert_array_equal(crystal.translations[0], 0)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"operations": (), "symbol": ""}, "there is no symmetry.*expected.*symop"),
        ({"operations": (), "symbol": "Q 17"}, "'Q 17' is no space-group symbol"),
        ({"operations": ("x,y,z", "-x,y+1/2,-z+1/2", "-x,-y,-z")}, "are not a group"),
        ({"operations": ("x,y,z", "-x,y+1/2")}, "operation 2 is '-x,y.1/2'"),
        ({"operations": ("x,y,z", "x,y,x")}, "operation 2, 'x,y,x', is no isometry"),
        ({"operations": ("x,y,z", "x+1/7,y,z")}, "operation 2 is 'x.1/7,y,z'"),
        (
            {"operations": (), "symbol": "", "more": "_symmetry_Int_Tables_number 300\n"},
            "number is '300'.*1 to 230",
        ),
        (
            {"operations": (), "symbol": "", "more": "_space_group_name_Hall 'nonsense'\n"},
            "Hall symbol 'nonsense' cannot be read",
        ),
        ({"operations": (), "symbol": "P 4/m m m"}, "does not have the symmetry P 4/m m m"),
    ],
)
def test_unusable_symmetry(
    load: Callable[..., Crystal], parts: dict[str, object], message: str
) -> None:
    with pytest.raises(BadStructure, match=message):
        load(**parts)


def test_a_cell_that_nearly_has_its_symmetry_is_a_doubt(load: Callable[..., Crystal]) -> None:
    cell = dict(CELL, _cell_angle_gamma="90.1")
    with pytest.warns(StructureWarning, match=r"does not have the symmetry.*-x,y\+1/2,-z\+1/2"):
        load(cell=cell)


# Atoms


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Ta1 Ta ? 0.2 0.8 0.01 1", r"atom Ta1: _atom_site_fract_x is '\?'"),
        ("Ta1 Ta 0.7 . 0.8 0.01 1", r"atom Ta1: _atom_site_fract_y is '\.'"),
        ("Ta1 Ta 0.7 0.2 zero 0.01 1", "atom Ta1: _atom_site_fract_z is 'zero'"),
        ("Ta1 Ta 0,7 0.2 0.8 0.01 1", "atom Ta1: _atom_site_fract_x is '0,7'"),
        ("Ta1 Ta nan 0.2 0.8 0.01 1", "atom Ta1: _atom_site_fract_x is 'nan'"),
        ("Ta1 Ta 0.7 0.2 0.8 0.01 -0.1", "atom Ta1: the occupancy is '-0.1'"),
        ("Ta1 Ta 0.7 0.2 0.8 0.01 1.2", "atom Ta1: the occupancy is '1.2'"),
        ("Ta1 Ta 0.7 0.2 0.8 0.01 full", "atom Ta1: the occupancy is 'full'"),
        ("Ta1 Xx 0.7 0.2 0.8 0.01 1", "atom Ta1: type 'Xx'"),
        ("Q1 Q 0.7 0.2 0.8 0.01 1", "atom Q1: type 'Q'.*delete peaks"),
        ("O1W Wat 0.7 0.2 0.8 0.01 1", "atom O1W: type 'Wat'"),
        ("X1 ? 0.7 0.2 0.8 0.01 1", "atom X1 has no type and its label is no element"),
    ],
)
def test_unusable_atoms_are_named(load: Callable[..., Crystal], row: str, message: str) -> None:
    with pytest.raises(BadStructure, match=message):
        load(atoms=replaced(1, row))


@pytest.mark.parametrize(
    ("tag", "value", "message"),
    [
        ("_cell_length_a", "0", "edges above 0"),
        ("_cell_length_b", "-6.9", "edges above 0"),
        ("_cell_length_c", "0.56401", "no crystal has such edges.*not nm"),
        ("_cell_length_c", "1e7", "no crystal has such edges"),
        ("_cell_length_c", "1e999", "_cell_length_c is '1e999'"),
        ("_cell_length_c", "?", r"_cell_length_c is '\?'"),
        ("_cell_length_c", "long", "_cell_length_c is 'long'"),
        ("_cell_angle_beta", "180", "no three axes have these angles"),
        ("_cell_angle_beta", "0", "no three axes have these angles"),
        ("_cell_angle_alpha", "179", "no three axes have these angles"),
    ],
)
def test_unusable_cells(load: Callable[..., Crystal], tag: str, value: str, message: str) -> None:
    with pytest.raises(BadStructure, match=message):
        load(cell=dict(CELL, **{tag: value}))


def test_a_missing_cell_says_which_tags(load: Callable[..., Crystal]) -> None:
    with pytest.raises(BadStructure, match=r"there is no cell: _cell_length_a"):
        load(cell={})


def test_a_missing_angle_is_taken_as_90_and_told(load: Callable[..., Crystal]) -> None:
    cell = {tag: value for tag, value in CELL.items() if "gamma" not in tag}
    with pytest.warns(StructureWarning, match="_cell_angle_gamma not given; 90° is taken"):
        assert load(cell=cell).cell[5] == 90


def test_a_volume_that_the_cell_does_not_have_is_told(load: Callable[..., Crystal]) -> None:
    with pytest.warns(StructureWarning, match=r"864\.99 Å³ but the file says 841\.20"):
        load(more="_cell_formula_units_Z 4\n_cell_volume 841.2(3)\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("  \n\n", "the file is empty"),
        ("# only a comment\n", "there is no data_ block"),
        ("q I sigma\n1 2 3\n", "this is no whole CIF"),
        ("data_a\n_cell_length_a 5\n", "no atoms with fractional coordinates"),
        ("data_a\nloop_\n_x\n_y\n1 2 3\n", "line 2: this is no whole CIF.*Wrong number of values"),
        ("data_a\n_x\n;text that never ends\n", "this is no whole CIF"),
        ("data_a\n_x 1\n_x 2\n", "duplicate tag _x"),
    ],
)
def test_files_that_are_no_structure(load: Callable[..., Crystal], text: str, message: str) -> None:
    with pytest.raises(BadStructure, match=message):
        load(text)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0", b"\x1f\x8b\x08rest", bytes(range(256))]
)
def test_binary_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "sample.cif"
    path.write_bytes(data)
    with pytest.raises(BadStructure, match="this is a binary file"):
        load_structure(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.cif", tmp_path):
        with pytest.raises(MissingFile, match="there is no such file"):
            load_structure(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.93])
def test_a_file_cut_anywhere_is_an_error_or_a_named_doubt(tmp_path: Path, share: float) -> None:
    text = cif_text(more="")
    text = text.replace("_chemical_formula_sum", "_cell_formula_units_Z 4\n_chemical_formula_sum")
    path = tmp_path / "cut.cif"
    path.write_text(text[: int(share * len(text))], encoding="utf-8")
    with pytest.raises((BadStructure, StructureWarning)):
        load_structure(path)


def test_a_file_that_ends_in_its_last_number_is_noted(load: Callable[..., Crystal]) -> None:
    text = cif_text(more="").replace(
        "_chemical_formula_sum", "_cell_formula_units_Z 4\n_chemical_formula_sum"
    )
    assert load(text).notes == ()
    assert "is it whole?" in load(text.rstrip("\n")).notes[0]


def test_several_structures_need_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "two.cif"
    path.write_text(cif_text(name="one") + cif_text(name="two", symbol="P 21/c"), encoding="utf-8")
    with pytest.raises(BadStructure, match=r"2 structures: one, two.*block='one'"):
        load_structure(path)
    assert load_structure(path, block="two").name == "two"
    with pytest.raises(BadStructure, match=r"no block data_three.*blocks: one, two"):
        load_structure(path, block="three")


def test_cartesian_coordinates_alone_are_refused(load: Callable[..., Crystal]) -> None:
    columns = COLUMNS.replace("fract_x fract_y fract_z", "Cartn_x Cartn_y Cartn_z")
    with pytest.raises(BadStructure, match="there are only Cartesian coordinates"):
        load(columns=columns)


def test_dummy_atoms_are_left_out_with_a_note(load: Callable[..., Crystal]) -> None:
    rows = tuple(f"{row} d" for row in ATOMS)
    crystal = load(columns=f"{COLUMNS} calc_flag", atoms=(*rows, "XC X 0.5 0.5 0.5 . 1 dum"))
    assert len(crystal.sites) == 8
    assert crystal.notes == ("dummy atoms left out: XC",)


def test_labels_tell_the_element_where_no_type_does(load: Callable[..., Crystal]) -> None:
    columns = COLUMNS.replace("type_symbol ", "")
    atoms = tuple(re.sub(r"^(\S+) \S+", lambda m: m[1].upper(), row) for row in ATOMS)
    assert [s.element for s in load(columns=columns, atoms=atoms).sites[:3]] == ["Na", "Ta", "Cl"]


def test_the_formula_settles_an_ambiguous_label(load: Callable[..., Crystal]) -> None:
    columns = COLUMNS.replace("type_symbol ", "")
    atoms = ("CA1 0.1 0.2 0.3 0.01 1", "O1 0.3 0.2 0.3 0.01 1")
    as_carbon = load(cell=SMALL_CELL, columns=columns, atoms=atoms, formula="C O")
    as_calcium = load(cell=SMALL_CELL, columns=columns, atoms=atoms, formula="Ca O")
    assert (as_carbon.sites[0].element, as_calcium.sites[0].element) == ("C", "Ca")


def test_a_label_whose_element_is_not_in_the_formula_is_refused(
    load: Callable[..., Crystal],
) -> None:
    columns = COLUMNS.replace("type_symbol ", "")
    with pytest.raises(BadStructure, match="atom Hole1 has no type and Ho is not in the formula"):
        load(columns=columns, atoms=("Hole1 0.1 0.2 0.3 0.01 1",), formula="Na Cl")


def test_the_oxygen_of_water_in_labels_of_amcsd(load: Callable[..., Crystal]) -> None:
    columns = COLUMNS.replace("type_symbol ", "")
    atoms = ("Na1 0.1 0.2 0.3 0.01 1", "Wat 0.4 0.2 0.3 0.01 1")
    crystal = load(cell=SMALL_CELL, columns=columns, atoms=atoms, formula="Na O")
    assert [site.element for site in crystal.sites] == ["Na", "O"]
    assert crystal.notes == ("Wat is taken as the oxygen of water",)


def test_deuterium_is_kept_as_deuterium(load: Callable[..., Crystal]) -> None:
    atoms = ("O1 O 0.1 0.2 0.3 0.01 1", "D1 D 0.25 0.2 0.3 0.02 1", "D2 D 0.1 0.32 0.3 0.02 1")
    crystal = load(cell=SMALL_CELL, atoms=atoms, formula="D2 O")
    assert composition(crystal) == {"O": 4, "D": 8}


def test_displacements_given_as_b_or_beta_become_u(load: Callable[..., Crystal]) -> None:
    u = np.array([0.010, 0.012, 0.014, 0.001, 0.002, 0.003])
    reciprocal = np.linalg.norm(np.linalg.inv(unit_cell_atoms(load()).lattice), axis=0)
    pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    factors = {
        "U": np.ones(6),
        "B": np.full(6, 8 * np.pi**2),
        "beta": np.array([2 * np.pi**2 * reciprocal[i] * reciprocal[j] for i, j in pairs]),
    }
    for kind, factor in factors.items():
        tags = "\n".join(f"_atom_site_aniso_{kind}_{i + 1}{j + 1}" for i, j in pairs)
        values = " ".join(f"{value:.9f}" for value in u * factor)
        loop = f"_cell_formula_units_Z 4\nloop_\n_atom_site_aniso_label\n{tags}\nTa1 {values}\n"
        tensor = load(more=loop).sites[1].uij
        np.testing.assert_allclose([tensor[i, j] for i, j in pairs], u, atol=1e-7)


def test_anisotropic_displacements_of_no_atom_are_told(load: Callable[..., Crystal]) -> None:
    tags = "\n".join(f"_atom_site_aniso_U_{ij}" for ij in ("11", "22", "33", "23", "13", "12"))
    loop = f"_cell_formula_units_Z 4\nloop_\n_atom_site_aniso_label\n{tags}\nTa9 1 1 1 0 0 0\n"
    with pytest.warns(StructureWarning, match="displacements of no atom: Ta9"):
        load(more=loop)


def test_an_unknown_occupancy_is_one_and_told(load: Callable[..., Crystal]) -> None:
    row = "Ta1 Ta 0.73275 0.22093 0.87257 0.012 ?"
    with pytest.warns(StructureWarning, match=r"occupancy '\?' taken as 1: Ta1"):
        load(atoms=replaced(1, row))


def test_a_list_of_atoms_in_two_loops_is_refused(load: Callable[..., Crystal]) -> None:
    with pytest.raises(BadStructure, match="_atom_site_calc_flag has 2 values for 8 atoms"):
        load(more="_cell_formula_units_Z 4\nloop_\n_atom_site_calc_flag\nd\ndum\n")


def test_a_density_that_the_atoms_do_not_have_is_told(load: Callable[..., Crystal]) -> None:
    stated = "_cell_formula_units_Z 4\n_exptl_crystal_density_diffrn"
    with pytest.warns(StructureWarning, match=r"atoms give 3\.199 g/cm³ but the file says 3\.9"):
        load(more=f"{stated} 3.900\n")
    assert load(more=f"{stated} 3.2\n").notes == ()


def test_ammonium_in_a_label_is_nitrogen(load: Callable[..., Crystal]) -> None:
    columns = COLUMNS.replace("type_symbol ", "")
    atoms = ("NH4 0.1 0.2 0.3 0.01 1", "Cl1 0.4 0.2 0.3 0.01 1")
    crystal = load(cell=SMALL_CELL, columns=columns, atoms=atoms, formula="")
    assert [site.element for site in crystal.sites] == ["N", "Cl"]


def test_a_modulated_structure_is_told(load: Callable[..., Crystal]) -> None:
    with pytest.warns(StructureWarning, match="modulated: only its average"):
        load(more="_cell_formula_units_Z 4\n_cell_modulation_dimension 1\n")


def test_a_symbol_of_no_table_beside_operations_is_noted(load: Callable[..., Crystal]) -> None:
    crystal = load(symbol="P 1 21/c 1 (a, b, c)")
    assert crystal.space_group == "P 1 21/c 1"
    assert "is in no table" in crystal.notes[0]


def test_long_lists_of_reflections_and_scans_cost_little(load: Callable[..., Crystal]) -> None:
    rows = "\n".join(f"{i} 0 0 {i}.5" for i in range(20000))
    tags = "\n".join(f"_refln_{tag}" for tag in ("index_h", "index_k", "index_l", "F_calc"))
    start = time.process_time()
    load(more=f"_cell_formula_units_Z 4\nloop_\n{tags}\n{rows}\n")
    assert time.process_time() - start < 0.5


def test_a_displacement_of_zero_counts_as_none(load: Callable[..., Crystal]) -> None:
    row = "Ta1 Ta 0.73275 0.22093 0.87257 0.0 1"
    with pytest.warns(StructureWarning, match="no displacement U: Ta1"):
        assert np.isnan(load(atoms=replaced(1, row)).sites[1].uiso)


def test_the_structure_remembers_the_file_it_came_from(load: Callable[..., Crystal]) -> None:
    provenance = load().provenance
    assert provenance is not None
    assert provenance.function == "xorder.structure.load_structure"
    assert set(provenance.parameters["source"]) == {"path", "digest"}
