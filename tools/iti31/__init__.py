"""Stories of ADT events, conflicts and orders of arrival that are played at any MLLP endpoint, and how each must end.

They follow HL7 v2.5.1 chapter 3 and IHE ITI-31 (Patient Encounter Management) and say nothing of Stepdown's own facts:
what stands after a story are visits, each with its patient, its places since when, and its end. Another system is
reached by an adapter of three calls (`adapter.Adapter`).
"""
