"""What the service knows, as rows: of SQLite on one machine, or of PostgreSQL for many nodes."""
