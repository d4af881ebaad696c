"""What every API request passes before it reaches moto: rates, latency, ended sessions, and what was to go wrong."""

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from s4_devcloud.aws.calls import Call, call_of
from s4_devcloud.aws.faults import Faults
from s4_devcloud.aws.refusals import ENDED, Refusal, refuse, throttled
from s4_devcloud.aws.sessions import has_ended
from s4_devcloud.aws.traffic import Traffic

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
NO_CAPACITY = ("InsufficientInstanceCapacity", 500)  # EC2 API reference, "Error codes"


@dataclass(frozen=True)
class Gate:
    """A WSGI application in front of another one."""

    inner: Wsgi
    faults: Faults
    traffic: Traffic
    is_known_token: Callable[[str], bool]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Let the request through, unless it was to go wrong."""
        if environ["PATH_INFO"].startswith("/moto-api/"):
            return self.inner(environ, start_response)
        call = call_of(environ)
        admitted = self.traffic.admit(call)
        if delay := self.traffic.delay(call):
            time.sleep(delay)
        refusal = self._refusal(call) if admitted else throttled(call.dialect, "Request limit exceeded.")
        if refusal is not None:
            return refuse(refusal, environ, start_response, call.dialect)
        if call.action and self.faults.take("cut", action=call.action):
            list(self.inner(environ, lambda *_: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError("injected: the answer is lost")
        return self.inner(environ, start_response)

    def _refusal(self, call: Call) -> Refusal | None:
        if has_ended(call.access_key_id):
            return ENDED[call.dialect]
        if call.action and (fault := self.faults.take("throttle", "error", action=call.action)):
            if fault.kind == "throttle":
                return throttled(call.dialect, fault.message)
            return Refusal(fault.code, fault.status, fault.message)
        # A repeated token is answered with the instance that it already got, capacity or not.
        if call.action == "RunInstances" and not self.is_known_token(call.form.get("ClientToken", "")):
            zone, kind = call.form.get("Placement.AvailabilityZone", ""), call.form.get("InstanceType", "")
            if fault := self.faults.take("capacity", instance_type=kind, zone=zone):
                return Refusal(*NO_CAPACITY, fault.message)
        return None
