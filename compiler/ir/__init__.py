"""The intermediate representation: a frozen, flat, ordered list of named and typed nodes."""
