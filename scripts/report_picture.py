"""Draw the documentation's picture of a report: generate, evaluate, and open the page in Chromium.

python scripts/report_picture.py [--out docs/images/report.png] [--page ANY/report.html --width 800]
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # 3D without a graphics card
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--virtual-time-budget=20000"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "images" / "report.png")
    parser.add_argument("--page", type=Path, help="a report that is there; default: a new one")
    parser.add_argument(
        "--width", type=int, default=1400, help="of the window, pixels, 500 at least"
    )
    parser.add_argument("--height", type=int, default=1180)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = given.page or _carbon(Path(folder) / "carbon")
        _photograph(page, given.out, given.width, given.height, Path(folder))


def _carbon(folder: Path) -> Path:
    """Report of 240 random boxes of twelve carbon atoms."""
    request = ("--model", "diamond", "--formula", "C12", "--num", "240", "--preset", "quick")
    diamond = CHECKOUT / "examples" / "diamond.cif"
    subprocess.run(["rm-generate", *request, "--out", folder], check=True)
    subprocess.run(["rm-evaluate", folder, "--reference", diamond], check=True)
    subprocess.run(["rm-report", folder], check=True)
    return folder / "report.html"


def _photograph(page: Path, picture: Path, width: int, height: int, profile: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("No chromium on PATH.")
    where = (f"--window-size={width},{height}", f"--user-data-dir={profile / 'profile'}")
    shot = (f"--screenshot={picture.resolve()}", page.resolve().as_uri())
    subprocess.run([chromium, *FLAGS, *where, *shot], check=True)


if __name__ == "__main__":
    main()
