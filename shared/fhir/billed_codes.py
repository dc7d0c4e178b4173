"""How a stay began and ended, as a bill has it (UB-04 FL14, FL15, FL17), and FHIR's discharge-disposition beside the
patient statuses (the numbers of HL7 table 0112) that mean the same: one table that is read in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DISPOSITION_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
ADMISSION_TYPE: Final = "https://www.nubc.org/CodeSystem/PriorityTypeOfAdmitOrVisit"
"""System of Encounter.priority as FL14 has it."""
ADMISSION_SOURCE: Final = "https://www.nubc.org/CodeSystem/PointOfOrigin"
"""System of Encounter.hospitalization.admitSource as FL15 has it."""
DIAGNOSIS_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0052"
"""System of Encounter.diagnosis.use as DG1-6 has it."""
OWN_TYPE: Final = "urn:stepdown:diagnosis-type"
"""System of a type of diagnosis that is in no table."""
OWN_DISPOSITION: Final = "urn:stepdown:disposition"
"""System of a code of the site's own table (contract 7)."""
VERBATIM: Final = (
    OWN_DISPOSITION,
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
