"""What several suites need: runs of this project, other people's things, a scratch project."""
