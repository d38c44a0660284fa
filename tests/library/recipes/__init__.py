"""How a reference model is built from each repository: one file a repository, for `record.py`."""
