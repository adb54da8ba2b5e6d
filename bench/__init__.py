"""What the operator costs: counts are exact, times are this machine's."""
