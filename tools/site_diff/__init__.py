"""`stepdown config diff`: what another site config would make of what is stored: visits, facts and service periods.

It writes nothing. Patients are compared in groups, by several processes."""
