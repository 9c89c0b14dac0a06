"""What tocsin costs, beside its peers and the bare kernel, measured in the same run."""
