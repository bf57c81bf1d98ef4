"""How fast the stores are beside what else could do the same work: `make bench`."""
