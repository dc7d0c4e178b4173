"""What people run beside the services: commands, the embedded stack, simulated patients, `verify`."""
