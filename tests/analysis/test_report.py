"""The page as a browser shows it, opened from a file, with no network."""

import html.parser
import json
import os
import shutil
import subprocess

import ase
import ase.io
import numpy as np
import pytest
import yaml
from ase.build import molecule
from crystals import BCC, DIAMOND, GRAPHITE, ROCKSALT, disguised, write_run

from rm_lammps.analysis.report import write_report
from rm_lammps.analysis.report.charts import above_each_lowest
from rm_lammps.analysis.report.entry import entry_of
from rm_lammps.analysis.report.molecule_charts import energies
from rm_lammps.analysis.report.page import render
from rm_lammps.analysis.report.page_contents import MAX_POINTS, MEANING, read_contents
from rm_lammps.analysis.report.picture import picture
from rm_lammps.relaxation.outcome import Reason

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # 3D without a graphics card
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--window-size=1400,1600"),
]

# reports what the page came to; the 3D view is inside shadow roots, which --dump-dom leaves out
PROBE = """
<script>
setInterval(() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap(
    (e) => (e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]));
  const canvas = all(document.getElementById("viewer-structure") ?? document.createElement("p"))
    .filter((e) => e.tagName === "CANVAS");
  const text = document.getElementById("probe") ?? document.createElement("pre");
  text.id = "probe";
  text.textContent = JSON.stringify({
    plots: document.documentElement.dataset.plots,
    viewer: document.documentElement.dataset.viewer,
    canvas: canvas.length,
    points: document.querySelectorAll("#energy-volume .scatterlayer .point").length,
    bars: ["outcomes", "seconds", "evaluations"].map(
      (id) => document.querySelectorAll(`#${id} .barlayer .point`).length),
    rows: document.querySelectorAll("tr[data-rank]").length,
    shown: document.getElementById("shown")?.textContent,
    chosen: [...document.querySelectorAll("tr[data-rank]:not([hidden])")].map(
      (e) => e.dataset.spaceGroup).concat(document.getElementById("count")?.textContent ?? []),
    problem: document.getElementById("problem").textContent,
    fetched: performance.getEntriesByType("resource").map((e) => e.name),
    attacked: window.attacked ?? null,
    buttons: [...document.querySelectorAll(".modebar-btn")].map((e) => e.dataset.title),
  });
  document.body.append(text);
}, 1000);
</script>
"""


class Links(html.parser.HTMLParser):
    """Collects what a page refers to, and the text of its probe."""

    def __init__(self, text):
        super().__init__()
        self.links, self.probe, self._inside = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        names = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")
        self.links += [value for name, value in attrs if name in names]
        self._inside = dict(attrs).get("id") == "probe"

    def handle_data(self, data):
        if self._inside:
            self.probe += data
            self._inside = False


def opened(page, tmp_path, script=""):
    """The page's DOM in headless Chromium, and what the probe found."""
    probed = page.with_name("probed.html")
    text = page.read_text()
    probed.write_text(text.replace("</body>", script + PROBE + "</body>"))
    done = subprocess.run(
        [
            *(CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"),
            *("--virtual-time-budget=15000", "--dump-dom", probed.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    dom = Links(done.stdout)
    return dom, json.loads(dom.probe)


def stays_inside(links, folder):
    """Every link is inside the page, or to a file beside it."""
    for link in links:
        inside = link.startswith(("data:", "#", "blob:"))
        assert inside or (":" not in link and not link.startswith("/")), link
        assert inside or (folder / link).is_file(), link


@pytest.fixture(scope="module")
def real_run(run, diamond_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "carbon"
    command = ("rm-generate", "--model", "diamond", "--formula", "C8", "--num", 16)
    run(*command, "--out", folder)
    ase.io.write(folder.parent / "diamond.cif", DIAMOND)
    arguments = ("--reference", folder.parent / "diamond.cif", "--format", "cif")
    run("rm-evaluate", folder, *arguments)
    done = run("rm-report", folder)
    assert done.stdout.splitlines()[-1] == str(folder / "report.html")
    return folder


def test_one_light_file_with_nothing_outside(real_run):
    page = real_run / "report.html"
    assert page.stat().st_size < 5e6
    stays_inside(Links(page.read_text()).links, real_run)
    text = page.read_text()
    assert "default-src 'none'" in text
    assert 'href="unique.cif.zip"' in text
    # nothing in the page's own parts names another place
    assert "://" not in text.split("application/gzip")[0]


@browser
def test_a_real_run_in_a_browser(real_run, tmp_path):
    dom, probe = opened(real_run / "report.html", tmp_path)
    contents = read_contents(real_run, 50)
    assert probe["problem"] == ""
    assert probe["plots"] == "4"
    assert probe["viewer"] == "ready"
    assert probe["canvas"] >= 1
    assert probe["points"] == probe["rows"] == contents.n_unique > 0
    assert all(bars > 0 for bars in probe["bars"])
    assert probe["shown"].startswith("rank 1, C8")
    assert probe["fetched"] == []
    # plotly has a button that sends the data away
    assert not [title for title in probe["buttons"] if "loud" in (title or "")]
    stays_inside(dom.links, real_run)


@browser
def test_a_click_shows_that_structure(tmp_path):
    frames = [disguised(DIAMOND, 0, -1.0), disguised(BCC, 1, -0.4)]
    page = write_report(write_run(tmp_path / "run", frames))
    script = """<script>
      setInterval(() => {
        if (document.documentElement.dataset.viewer && !window.done) {
          window.done = true;
          document.querySelector('[data-step="1"]').click();
          const group = document.querySelector('select[data-column="space group"]');
          group.value = "Im-3m (229)";
          group.dispatchEvent(new Event("input"));
        }
      }, 100);
    </script>"""
    _, probe = opened(page, tmp_path, script)
    assert probe["shown"] == "rank 2, C2, Im-3m (229)"
    assert probe["chosen"] == ["Im-3m (229)", "1"]
    assert probe["problem"] == ""


def test_of_several_compositions_each_is_shown(tmp_path):
    frames = [
        *(disguised(crystal, seed, -seed) for seed, crystal in enumerate((BCC, DIAMOND, GRAPHITE))),
        disguised(ROCKSALT, 3, -1.0),
    ]
    contents = read_contents(write_run(tmp_path / "run", frames), n_best=2)
    assert contents.compositions == 2
    assert [(e.own_rank, e.formula[:2]) for e in contents.best] == [(1, "C8"), (1, "Na")]
    # E~ of carbon and of rock salt can't be compared: the plot shows each above its own lowest
    above = [
        pair
        for trace in above_each_lowest(contents).data
        for pair in zip(trace.x, trace.y, strict=True)
    ]
    assert sorted(above) == [("C", 0.0), ("C", 1.0), ("C", 2.0), ("NaCl", 0.0)]
    assert "E~ by composition" in render(contents)


def test_molecules_of_one_composition_are_shown_by_rank():
    best = []
    for rank, name in enumerate(["CH3CH2OH", "CH3OCH3"], start=1):
        atoms = molecule(name)
        atoms.info = {"rank": rank, "rank_score": 0.0, "seed": rank, "energy_per_atom": 0.1 * rank}
        atoms.info |= {"found": 1, "seeds": np.array([rank]), "passes": rank == 2}
        best.append(entry_of(rank, atoms, 0.1, {}, with_text=False))
    passed, failed = energies(best).data
    assert (passed.name, list(passed.x), list(passed.y)) == ("pass every check · 1", [2], [0.2])
    assert (failed.name, list(failed.x), list(failed.y)) == ("do not · 1", [1], [0.1])


@browser
def test_no_converged_seed(run, tmp_path):
    folder = write_run(tmp_path / "run", [], failed=[("expanded", "x"), ("not_finite", "")])
    run("rm-report", folder)
    _, probe = opened(folder / "report.html", tmp_path)
    assert probe["plots"] == "3"
    assert probe["problem"] == ""
    assert probe["rows"] == 0
    assert probe["bars"][0] == 3
    assert "No seed converged" in (folder / "report.html").read_text()
    begun = write_run(tmp_path / "begun", [])
    run("rm-report", begun)
    _, probe = opened(begun / "report.html", tmp_path)
    assert probe["problem"] == ""
    assert "No seed has ended yet" in (begun / "report.html").read_text()


ATTACK = "</script><script>window.attacked=1</script><img src=x onerror=window.attacked=1>"


@browser
def test_text_of_the_run_stays_text(tmp_path):
    """Names and messages come from users and from LAMMPS."""
    folder = tmp_path / "a<b>&'\"run"
    frames = [disguised(DIAMOND, 0), disguised(BCC, 1, 0.4)]
    write_run(folder, frames, failed=[("lammps_error", ATTACK), (ATTACK, ATTACK)])
    run = {"config": {"formula": ATTACK}, "model": {"name": ATTACK}}
    (folder / "run.yaml").write_text(yaml.safe_dump(run))
    evaluation = {"structures": [{"seed": 0, "matches": ATTACK}]}
    page = write_report(folder)
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    write_report(folder)
    dom, probe = opened(page, tmp_path)
    assert probe["attacked"] is None
    assert probe["plots"] == "4"
    assert probe["problem"] == ""
    assert "x" not in dom.links


def test_contents_agree_with_the_run(tmp_path):
    kinds = [(DIAMOND, -1.0), (BCC, -0.4), (DIAMOND, -1.0), (GRAPHITE, -0.9)]
    frames = [disguised(crystal, seed, energy) for seed, (crystal, energy) in enumerate(kinds)]
    failed = [("expanded", f"message {n}") for n in range(5)] + [("not_converged", "")]
    contents = read_contents(write_run(tmp_path / "run", frames, failed), n_best=2)
    assert contents.n_unique == len(contents.points) == 3
    assert [entry.space_group for entry in contents.best] == ["Fd-3m (227)", "P6_3/mmc (194)"]
    assert contents.best[0].found == 2
    assert contents.best[0].seeds == ["0", "2"]
    assert contents.best[0].density == pytest.approx(3.515, rel=0.01)
    assert contents.best[1].above_best == pytest.approx(0.1)
    assert [(f.reason, f.count) for f in contents.failures] == [
        ("expanded", 5),
        ("not_converged", 1),
    ]
    assert len(contents.failures[0].examples) == 3
    assert contents.failures[0].meaning
    assert len(contents.converged_cost.seconds) == 4
    assert len(contents.failed_cost.evaluations) == 6
    assert MAX_POINTS >= 1000


def test_every_reason_is_explained():
    assert set(MEANING) == {reason.value for reason in Reason}


def test_a_run_that_went_on_is_deduplicated_again(tmp_path):
    folder = write_run(tmp_path, [disguised(DIAMOND, 0, -1.0)])
    assert read_contents(folder, 5).n_unique == 1
    write_run(tmp_path, [disguised(DIAMOND, 0, -1.0), disguised(BCC, 1, -0.4)])
    later = (folder / "unique.extxyz").stat().st_mtime + 5
    os.utime(folder / "structures.extxyz", (later, later))
    assert read_contents(folder, 5).n_unique == 2


@pytest.mark.parametrize("crystal", [DIAMOND, BCC, GRAPHITE, ROCKSALT])
def test_pictures_are_cells_with_full_boundaries(crystal):
    drawn = picture(disguised(crystal, 1))
    sites = drawn.get_scaled_positions(wrap=False)
    assert sites.min() > -0.01
    # a site on one face is there on the opposite one too
    repeats = np.ceil(sites.max(axis=0) - 0.01)
    for axis in range(3):
        low = np.sum(np.abs(sites[:, axis]) < 0.01)
        assert low == np.sum(np.abs(sites[:, axis] - repeats[axis]) < 0.01)
    assert drawn.get_all_distances()[np.triu_indices(len(drawn), 1)].min() > 1


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "holds no finished run"),
        (lambda folder: (folder / "summary.json").write_text("[1]"), "holds no finished run"),
        (
            lambda folder: (write_run(folder, []) / "structures.extxyz").unlink(),
            "has no structures.extxyz",
        ),
        (
            lambda folder: (write_run(folder, []) / "failures.jsonl").write_text("{\n"),
            "failures.jsonl, line 1",
        ),
    ],
)
def test_bad_input_is_refused(refused, tmp_path, prepare, message):
    prepare(tmp_path)
    assert message in refused("rm-report", tmp_path)


@browser
def test_molecules_are_drawn_in_a_gallery(run, tmp_path):
    frames = []
    for seed, name in enumerate(["CH3CH2OH", "CH3CONH2", "CH3OCH3", "CH3CH2OH"]):
        atoms = molecule(name)
        bare = ase.Atoms(atoms.numbers, atoms.positions * (1.6 if seed == 3 else 1))
        bare.info = {"seed": seed, "formula": bare.get_chemical_formula(), "evaluations": 100}
        bare.info |= {"energy_per_atom": 0.1 * seed, "energy": 0.1 * seed * len(bare)}
        frames.append(bare)
        bare.info["seconds"] = 0.25
    failed = [("expanded", "x")]
    folder = write_run(tmp_path / "run", frames, failed, formula="CH4", kind="molecules")
    page = folder / "report.html"
    run("rm-report", folder)
    script = """<script>
      setInterval(() => {
        if (document.documentElement.dataset.viewer && !window.done) {
          window.done = true;
          document.querySelectorAll(".gallery [data-show]")[1].click();
        }
      }, 100);
    </script>"""
    dom, probe = opened(page, tmp_path, script)
    assert probe["problem"] == ""
    # compositions, checks, keeping, outcomes, seconds, evaluations
    assert probe["plots"] == "6"
    assert probe["viewer"] == "ready"
    assert probe["rows"] == 3
    # by composition, in order of their first seed
    assert probe["shown"] == "rank 2, C2H6O, COC"
    assert probe["fetched"] == []
    stays_inside(dom.links, folder)
    text = page.read_text()
    assert text.count("<svg") == 3
    assert "60.0% of attempted" in text
    assert ".xyz" in text
