"""How a stay ended: the codes of FHIR's discharge-disposition and the patient statuses (UB-04 FL17, the numbers of HL7
table 0112) that mean the same, in one table that is read in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
OWN: Final = "urn:stepdown:disposition"
"""System of a code of the site's own table (contract 7)."""
VERBATIM: Final = (
    OWN,
    "https://www.nubc.org/CodeSystem/PatDischargeStatus",
    "http://terminology.hl7.org/CodeSystem/v2-0112",
    "urn:oid:2.16.840.1.113883.12.112",
)
"""Systems whose codes are what PV1-36 has: they go on as they are, before any code of FHIR's."""
STATUS_OF: Final[Mapping[str, str]] = {
    "home": "01",
    "alt-home": "01",
    "hosp": "50",
    "snf": "03",
    "long": "63",
    "aadvice": "07",
    "exp": "20",
    "rehab": "62",
    "psy": "65",
    "other-hcf": "70",
}
"""Code of discharge-disposition → patient status. `hosp` is hospice, wherever it is; `oth` says nothing that a status
does."""
OF_STATUS: Final[Mapping[str, str]] = {
    **{status: code for code, status in reversed(tuple(STATUS_OF.items()))},
    "51": "hosp",
}
"""Patient status → code of discharge-disposition; 50 is hospice at home, 51 at a facility."""
