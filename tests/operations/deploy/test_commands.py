"""s4 deploy as operators type it: what it shows, what it asks for, and what it refuses."""

import json
import subprocess
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.audit import recorded
from s4_ops.deploy.site import ENVIRONMENT
from s4_ops.images import release as releases
from s4_ops.images.keys import SigningKey
from support.installation import Installation

pytestmark = pytest.mark.long
Told = pytest.CaptureFixture[str]


def words_of(installation: Installation, *more: str) -> list[str]:
    public = installation.folder / "release.pub"
    public.write_text(installation.key.public.pem)
    here = ["--registry", str(installation.place), "--repository", str(installation.repository.folder)]
    return [*here, "--public-key", str(public), *more]


def deploy(installation: Installation, release: Path, *more: str, to: str = "staging") -> int:
    watch = ["--prometheus", installation.counters.url, "--watch", "0.02"]
    return main(["deploy", to, "--release", str(release), *words_of(installation, *watch, *more)])


def confirmed(installation: Installation, release: Path, told: Told, *more: str, to: str = "staging") -> int:
    """The deployment is shown, and done by the code that was given."""
    assert deploy(installation, release, *more, to=to) == 0
    code = told.readouterr().out.split("--confirm ")[1].split()[0]
    return deploy(installation, release, "--note", "a test", "--confirm", code, *more, to=to)


def test_it_is_shown_first_and_done_by_the_code_that_was_given(installation: Installation, capsys: Told) -> None:
    one = installation.released("one")

    assert deploy(installation, one) == 0
    shown = capsys.readouterr().out
    assert "web: " in shown
    assert "is new" in shown
    assert "+  S4_WORDS: one" in shown
    assert installation.running() == {}

    assert confirmed(installation, one, capsys) == 0
    assert installation.running()["web"] == installation.image(one, "web")
    lines = recorded(installation.folder / "audit.jsonl")
    assert [(line["who"], line["outcome"], line["note"]) for line in lines] == [
        ("ada", "began", "a test"),
        ("ada", "done", "a test"),
    ]


def test_a_code_of_another_moment_does_nothing(installation: Installation, capsys: Told) -> None:
    one, two = installation.released("one"), installation.released("two")
    assert deploy(installation, two) == 0
    code = capsys.readouterr().out.split("--confirm ")[1].split()[0]
    assert confirmed(installation, one, capsys) == 0

    assert deploy(installation, two, "--note", "a test", "--confirm", code) == 1

    assert "plan-changed" in capsys.readouterr().err
    assert installation.running()["web"] == installation.image(one, "web")


def test_nothing_is_done_without_a_reason(installation: Installation, capsys: Told) -> None:
    assert deploy(installation, installation.released("one"), "--confirm", "12345678") == 1

    assert "note-required" in capsys.readouterr().err


def refused(installation: Installation, release: Path, told: Told, *more: str, to: str = "staging") -> str:
    """Why; and nothing was done."""
    assert deploy(installation, release, *more, to=to) == 1
    assert installation.running() == {}
    return told.readouterr().err


def test_what_is_not_merged_is_refused(installation: Installation, capsys: Told) -> None:
    installation.repository.commit("first")

    assert "revision-not-merged" in refused(installation, installation.released("new", branch="mine"), capsys)


def test_what_git_does_not_know_is_refused(installation: Installation, capsys: Told) -> None:
    one = installation.released("one")
    told = releases.decode(one.read_bytes())
    changed = releases.Release(revision="0" * 40, created_at=told.created_at, images=told.images)
    releases.write(changed, one, installation.key)

    assert "unknown-revision" in refused(installation, one, capsys)


def test_what_is_unsigned_or_signed_by_another_key_is_refused(installation: Installation, capsys: Told) -> None:
    one = installation.released("one")
    releases.signature_path(one).unlink()

    assert "release-unsigned" in refused(installation, one, capsys)
    theirs = installation.released("two", signed_by=SigningKey.new())
    assert "release-signed-by-another-key" in refused(installation, theirs, capsys)


def test_an_unsigned_image_is_refused(installation: Installation, capsys: Told) -> None:
    assert "image-unsigned" in refused(installation, installation.released("never signed", sign_images=False), capsys)


def test_a_digest_that_the_registry_does_not_have_is_refused(installation: Installation, capsys: Told) -> None:
    one = installation.released("one")
    told = releases.decode(one.read_bytes())
    images = {**told.images, "web": "sha256:" + "1" * 64}
    releases.write(
        releases.Release(revision=told.revision, created_at=told.created_at, images=images), one, installation.key
    )

    assert "no-such-image" in refused(installation, one, capsys)


def test_an_image_that_manifests_want_and_the_release_has_not_is_refused(
    installation: Installation, capsys: Told
) -> None:
    one = installation.released("one")
    told = releases.decode(one.read_bytes())
    images = {"web": told.images["web"]}
    releases.write(
        releases.Release(revision=told.revision, created_at=told.created_at, images=images), one, installation.key
    )

    assert "image-not-in-release" in refused(installation, one, capsys)


@pytest.mark.parametrize("says", ["production", None])
def test_a_context_that_is_another_environment_is_refused(
    installation: Installation, capsys: Told, says: str | None
) -> None:
    labels = {ENVIRONMENT: says} if says else {}
    wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "s4-staging", "labels": labels}}
    installation.cluster.apply(wanted)

    assert "wrong-context" in refused(installation, installation.released("one"), capsys)


def test_production_takes_what_was_on_staging_and_else_a_reason(installation: Installation, capsys: Told) -> None:
    one, two = installation.released("one"), installation.released("two")
    assert "not-on-staging" in refused(installation, one, capsys, to="production")
    assert confirmed(installation, one, capsys) == 0

    assert confirmed(installation, one, capsys, to="production") == 0
    assert installation.running("production")["web"] == installation.image(one, "web")

    assert confirmed(installation, two, capsys, "--because", "the site is down", to="production") == 0
    (latest, *_) = installation.site("production").records.all()
    assert latest.because == "the site is down"


def test_nobody_who_sees_customers_is_refused_unless_it_is_asked_for(installation: Installation, capsys: Told) -> None:
    one = installation.released("one")
    installation.counters.is_down = True

    assert "customers-not-seen" in refused(installation, one, capsys)
    assert confirmed(installation, one, capsys, "--unwatched") == 0


def test_what_was_served_before_is_served_again(installation: Installation, capsys: Told) -> None:
    one, two = installation.released("one"), installation.released("two")
    assert [confirmed(installation, each, capsys) for each in (one, two)] == [0, 0]

    words = ["deploy", "rollback", "staging", *words_of(installation)]
    assert main(words) == 0
    code = capsys.readouterr().out.split("--confirm ")[1].split()[0]
    assert main([*words, "--note", "letters look odd", "--confirm", code]) == 0

    assert installation.running()["web"] == installation.image(one, "web")
    capsys.readouterr()
    assert main(["deploy", "status", "staging", *words_of(installation, "--json")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["state"], each["by"]) for each in told["records"]] == [("rolled-back", "ada"), ("done", "ada")]


def test_drift_is_what_somebody_changed_made_or_took_away_by_hand(installation: Installation, capsys: Told) -> None:
    assert confirmed(installation, installation.released("one"), capsys, "--unwatched") == 0
    look = ["deploy", "drift", "staging", *words_of(installation, "--json")]
    capsys.readouterr()
    assert main(look) == 0
    assert json.loads(capsys.readouterr().out) == []

    other = {"spec": {"template": {"spec": {"containers": [{"name": "service", "image": "s4.example/other"}]}}}}
    by_hand(installation, "patch", "deployment", "web", "--type=merge", f"--patch={json.dumps(other)}")
    changed = '{"data": {"S4_WORDS": "by hand"}}'
    by_hand(installation, "patch", "configmap", "web-of-one", "--type=merge", f"--patch={changed}")
    by_hand(installation, "delete", "service", "billing")
    meta = {"name": "extra", "namespace": "s4-staging", "labels": {"app.kubernetes.io/part-of": "s4"}}
    assert (
        installation.cluster.ask(
            "POST",
            "api/v1/namespaces/s4-staging/configmaps",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}},
        )[0]
        == 201
    )

    assert main(look) == 1
    found = {(each["what"], each["thing"]) for each in json.loads(capsys.readouterr().out)}
    assert found == {
        ("changed", "ConfigMap/web-of-one"),
        ("changed", "Deployment/web"),
        ("missing", "Service/billing"),
        ("unknown", "ConfigMap/extra"),
    }


def by_hand(installation: Installation, *words: str) -> None:
    from s4_ops.deploy.kubectl import program

    where = ["--kubeconfig", str(installation.cluster.kubeconfig), "--namespace", "s4-staging"]
    done = subprocess.run([program(), *where, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
