"""The engine: declares, provisions, verifies, records and removes what a test run needs."""
