"""A site config of one ward, as a file in which a test changes one text."""

from __future__ import annotations

from pathlib import Path

SMALL = """\
name: small
payers:
  - {id: ACME, title: Acme}
facilities:
  - name: NORTH
    title: North
    zone: America/New_York
    npi: "1000000012"
    units:
      - {code: W1, level: inpatient, program: P1}
    billing:
      inpatient: {bill_type: 11X}
programs:
  - id: P1
    title: Ward
    facility: NORTH
    level: inpatient
    capacity: 4
    payers: [ACME]
    ages: {from: 18}
dispositions:
  home: ["01"]
"""


def small(tmp_path: Path, change: tuple[str, str] | None = None) -> Path:
    """The small site as a file, with one text changed."""
    text = SMALL
    if change:
        assert change[0] in text
        text = text.replace(*change, 1)
    path = tmp_path / "site.yml"
    path.write_text(text, encoding="utf-8")
    return path
