"""The kinds' controllers: pure plans and policies, manifests, status, and a little wiring each."""
