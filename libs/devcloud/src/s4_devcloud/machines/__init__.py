"""Machines behind the emulated cloud: one contract, two drivers."""

from s4_devcloud.machines.contract import BootFailed, Driver, Machine, MachineSpec

__all__ = ["BootFailed", "Driver", "Machine", "MachineSpec"]
