from s4_devcloud.stripe.clock import Clock
from s4_devcloud.stripe.store import Store
from s4_devcloud.stripe.wire import Wire


def a_store() -> Store:
    return Store(Clock(), "http://stripe.test")


def a_card(name: str, customer: str | None) -> Wire:
    return {"id": name, "object": "payment_method", "customer": customer}


def names(rows: list[Wire]) -> list[str]:
    return [str(row["id"]) for row in rows]


def test_what_refers_to_an_object_is_found_newest_first_with_what_is_not_committed_yet() -> None:
    store = a_store()
    with store.transaction() as tx:
        for number in range(4):
            tx.put(a_card(f"pm_{number}", f"cus_{number % 2}"))
    with store.transaction() as tx:
        tx.put(a_card("pm_4", "cus_0"))
        assert names(tx.newest_first("payment_method", customer="cus_0")) == ["pm_4", "pm_2", "pm_0"]
        assert tx.newest_first("charge", customer="cus_0") == []


def test_what_no_longer_refers_to_it_is_not_found() -> None:
    store = a_store()
    with store.transaction() as tx:
        tx.put(a_card("pm_0", "cus_0"))
        tx.put(a_card("pm_1", "cus_0"))
    with store.transaction() as tx:
        tx.put(a_card("pm_0", None))
        assert names(tx.newest_first("payment_method", customer="cus_0")) == ["pm_1"]
    with store.transaction() as tx:
        tx.delete(a_card("pm_1", "cus_0"))
    with store.transaction() as tx:
        assert tx.newest_first("payment_method", customer="cus_0") == []


def test_the_order_is_that_of_creation_however_late_the_reference_came() -> None:
    store = a_store()
    with store.transaction() as tx:
        tx.put(a_card("pm_0", None))
        tx.put(a_card("pm_1", "cus_0"))
    with store.transaction() as tx:
        tx.put(a_card("pm_0", "cus_0"))
    with store.transaction() as tx:
        assert names(tx.newest_first("payment_method", customer="cus_0")) == ["pm_1", "pm_0"]


def test_a_store_that_forgot_everything_finds_nothing() -> None:
    store = a_store()
    with store.transaction() as tx:
        tx.put(a_card("pm_0", "cus_0"))
    store.clear()
    with store.transaction() as tx:
        assert tx.newest_first("payment_method", customer="cus_0") == []
