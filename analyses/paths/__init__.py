"""What a path of neurons is made of: the layers they live in, interventions on them, the search, and experiments."""
