"""One self-contained HTML page about a run."""

from rm_lammps.analysis.report.page import REPORT, write_report

__all__ = ["REPORT", "write_report"]
