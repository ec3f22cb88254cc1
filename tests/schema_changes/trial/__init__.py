"""An application whose migrations do everything that can be done beside traffic, to the product's largest table."""
