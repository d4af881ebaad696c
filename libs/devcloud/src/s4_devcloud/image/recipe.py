"""What the base layer consists of. Everything here is hashed: a change bakes a new base."""

from typing import Final

SUITE: Final = "bookworm"

PACKAGES: Final = (
    "ca-certificates",
    "cloud-init",
    "dbus",
    "iproute2",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-sysv",
)

LEFT_OUT: Final = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")

# Nothing a server in a namespace needs; each costs time on the way to sshd, or wakes up later.
MASKED: Final = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "cloud-init-hotplugd.socket",
    "cloud-init.service",  # the seed is local: the local stage does this work, see CLOUD_CFG
    "console-getty.service",
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "getty-static.service",
    "kmod-static-nodes.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-journal-flush.service",
    "systemd-journald-audit.socket",
    "systemd-logind.service",
    "systemd-machine-id-commit.service",
    "systemd-modules-load.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-repart.service",
    "systemd-sysusers.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)

CLOUD_CFG: Final = """\
# Only what user-data of ours asks for: each module costs time before sshd starts.
datasource_list: [NoCloud]
network: {config: disabled}
disable_root: true
preserve_hostname: false
manage_etc_hosts: true
locale: false
users: []
cloud_init_modules: [bootcmd, write-files, set_hostname, update_etc_hosts, users-groups, ssh]
cloud_config_modules: [runcmd]
cloud_final_modules:
  [write-files-deferred, scripts-per-once, scripts-per-boot, scripts-per-instance, scripts-user, final-message]
system_info:
  distro: debian
  paths: {cloud_dir: /var/lib/cloud/, templates_dir: /etc/cloud/templates/}
  ssh_svcname: ssh
"""

SSHD_CONFIG: Final = """\
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UseDNS no
# A provisioner opens many sessions at once.
MaxStartups 100:30:200
MaxSessions 100
"""

# Path below the root -> content.
FILES: Final = {
    "etc/cloud/cloud.cfg": CLOUD_CFG,
    "etc/ssh/sshd_config.d/s4.conf": SSHD_CONFIG,
    "etc/systemd/journald.conf.d/s4.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n",
    "etc/systemd/system.conf.d/s4.conf": "[Manager]\nDefaultTimeoutStopSec=10s\n",
}

# Path below the root -> where it points.
LINKS: Final = {
    # The generator searches for a cloud for a tenth of a second; we know that there is one.
    "etc/systemd/system-generators/cloud-init-generator": "/dev/null",
    "etc/systemd/system/multi-user.target.wants/cloud-init.target": "/lib/systemd/system/cloud-init.target",
    **{f"etc/systemd/system/{unit}": "/dev/null" for unit in MASKED},
}

NODE_USER: Final = "s4grid"
NODE_HOME: Final = "/var/lib/s4"
VENV: Final = "/opt/s4/node"
HOST_COMMAND: Final = f'#!/bin/sh\nexec sudo -n {VENV}/bin/s4-host "$@"\n'
