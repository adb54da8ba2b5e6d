"""The decisions of a rollout, one pure function of facts and time each."""
