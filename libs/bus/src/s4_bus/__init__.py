"""How events travel over RabbitMQ."""

from s4_bus.consume import consume
from s4_bus.ready import bus_ready
from s4_bus.relay import relay
from s4_bus.routes import Handler, Route, on

__all__ = ["Handler", "Route", "bus_ready", "consume", "on", "relay"]
