"""What is generated from the models and the controllers' declarations: definitions, rights and the reference."""
