"""Payments for grids that can share a host: no two of them have a port in common."""

from s4_contracts.billing import SignupPaid
from s4_provisioner import ports
from s4_provisioner.names import grid_of_signup
from support.provisioner import Desk, a_payment


def payments_with_ports_of_their_own(desk: Desk, number: int, plan: str = "personal") -> list[SignupPaid]:
    """In a narrow range two of a few grids may have the same ports, and two hosts then."""
    found: dict[int, SignupPaid] = {}
    while len(found) < number:
        payment = a_payment(plan=plan)
        found[port_of(desk, payment)] = payment
    return [*found.values()]


def port_of(desk: Desk, payment: SignupPaid) -> int:
    """The first port of the grid that the payment leads to."""
    return ports.read(desk.settings.grid_ports).of(grid_of_signup(payment.signup_id))
