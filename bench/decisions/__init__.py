"""Tables of the decision rules: simulations through the shipped functions."""
