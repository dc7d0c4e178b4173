"""PostgreSQL as every service uses it: transactions, statements, migrations, audit, sealing."""
