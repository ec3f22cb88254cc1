"""How the installation is doing: what is looked at, what is told of it, and whether it is ready to answer."""
