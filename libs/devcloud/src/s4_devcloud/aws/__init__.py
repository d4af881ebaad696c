"""AWS on this machine: moto's server, extended so that a started instance is a machine that sshd answers on."""
