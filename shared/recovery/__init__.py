"""What is done so that nothing goes on after a loss: databases and topics are compared (contract 5.8)."""
