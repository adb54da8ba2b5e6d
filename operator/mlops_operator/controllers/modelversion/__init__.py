"""ModelVersion: one artifact, checked against its digest, and where it is used."""
