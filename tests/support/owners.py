"""What the owner of a grid chooses on the site: each choice has a higher revision than the last of its kind."""

from s4_contracts.billing import SignupPaid
from s4_contracts.web import ErasureChosen, PauseChosen
from s4_provisioner.names import grid_of_signup
from s4_runtime import Clock, SystemClock


class Owner:
    """Who paid for a grid."""

    def __init__(self, payment: SignupPaid, clock: Clock | None = None) -> None:
        self.account_id, self.grid_id = payment.account_id, grid_of_signup(payment.signup_id)
        self._clock = clock or SystemClock()
        self._revision = 0

    def paused(self) -> PauseChosen:
        return self._pause(paused=True)

    def unpaused(self) -> PauseChosen:
        return self._pause(paused=False)

    def erased(self) -> ErasureChosen:
        return self._erasure(wanted=True)

    def unerased(self) -> ErasureChosen:
        return self._erasure(wanted=False)

    def _pause(self, *, paused: bool) -> PauseChosen:
        self._revision += 1
        return PauseChosen(
            occurred_at=self._clock.now(),
            account_id=self.account_id,
            grid_id=self.grid_id,
            paused=paused,
            revision=self._revision,
        )

    def _erasure(self, *, wanted: bool) -> ErasureChosen:
        self._revision += 1
        return ErasureChosen(
            occurred_at=self._clock.now(),
            account_id=self.account_id,
            grid_id=self.grid_id,
            wanted=wanted,
            revision=self._revision,
        )
