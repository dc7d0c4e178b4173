"""Finding a person by what somebody knows of them: what is indexed, what a question means, who is meant by it."""
