"""Errors in Stripe's shape."""

from s4_devcloud.stripe.wire import Wire


class Problem(Exception):
    """An answer of the API that is an error. What was done before it is undone, unless it keeps the changes."""

    keeps_changes = False

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param

    def body(self) -> Wire:
        """The JSON of the answer."""
        error: Wire = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


class CardProblem(Problem):
    """A payment that failed, with the objects that show why."""

    def __init__(self, message: str, code: str, decline_code: str | None = None, shown: Wire | None = None) -> None:
        super().__init__(402, message, kind="card_error", code=code)
        self._decline_code = decline_code
        self._shown = shown or {}

    def body(self) -> Wire:
        """The JSON of the answer, with the payment intent, the charge or the card."""
        error: Wire = {**super().body()["error"], **self._shown}
        if self._decline_code is not None:
            error["decline_code"] = self._decline_code
        return {"error": error}


class FailedPayment(CardProblem):
    """A try to pay that failed and stays on record."""

    keeps_changes = True


class NotImplementedHere(Problem):
    """Something that Stripe does and this stand-in does not; counted by the server."""

    def __init__(self, what: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(status, f"The local stand-in for Stripe does not implement {what}.", param=param)
        self.what = what


def missing(param: str) -> Problem:
    """A required parameter was not sent."""
    return Problem(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def invalid(message: str, param: str | None = None, code: str | None = None) -> Problem:
    """A parameter's value cannot be accepted."""
    return Problem(400, message, param=param, code=code)


def no_such(noun: str, name: str, param: str, status: int = 404) -> Problem:
    """An identifier that names nothing: 404 in the path, 400 in a parameter."""
    return Problem(status, f"No such {noun}: '{name}'", code="resource_missing", param=param)
