"""Who is told of what: rules in plain sentences, alerts that are sent once, and what people found them to be."""
