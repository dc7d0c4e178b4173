"""Signs that a patient may relapse. Pure."""
