"""What operators ask of the provisioner, on a listener of its own that no customer reaches."""
