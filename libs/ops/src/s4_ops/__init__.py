"""What operators do to an installation as a whole: build and sign, deploy, clusters, backups."""
