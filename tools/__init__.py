"""What people run beside the services: the command line, the embedded broker and database, simulated patients,
`verify`."""
