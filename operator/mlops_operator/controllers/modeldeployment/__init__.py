"""ModelDeployment: serves a model version, and lets the next one take over in steps."""
