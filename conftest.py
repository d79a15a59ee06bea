"""What every test of this repository has: the environment's fixtures, and the report."""

pytest_plugins = ["fixtures.plugin", "reports.plugin"]
