"""Contacts with the patient, appointments, and whether the patient may still be called after a reported death. Pure."""
