"""Each service can start with the settings that it is given, in each environment: read by its own loader."""

import base64
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import s4_provisioner.settings
from s4_ops.images.keys import SigningKey
from s4_provisioner.drivers import signed_images
from s4_runtime import Permanent, SettingsError, load
from support.loaders import LOADERS
from support.manifests import Manifests, connected, in_environment, render
from support.manifests.by_hand import local_secrets

CLOUD = ("staging", "production")
ENVIRONMENTS = ("local", *CLOUD)
MOUNT = "/run/secrets/s4/"
KEYS = "/run/s4/machine-images/"
TOKEN = "somebody:" + "t" * 32
EXAMPLES = {
    "database-url": "postgresql://{service}:word@postgres:5432/{service}?sslmode=verify-full",
    "amqp-url": "amqps://{service}:word@rabbitmq:5671/s4?cafile=/run/s4/authorities/broker.pem",
    "stripe-webhook-secrets": "whsec_one,whsec_two",
    "operator-tokens": TOKEN,
    "seal-key": base64.b64encode(bytes(32)).decode(),
}


def settings_of(given: Manifests, service: str) -> dict[str, str]:
    """The variables that the service's container gets."""
    (container,) = given.named("Deployment", service)["spec"]["template"]["spec"]["containers"]
    (source,) = container["envFrom"]
    found: dict[str, str] = given.named("ConfigMap", source["configMapRef"]["name"])["data"]
    return found


def environ_of(given: Manifests, service: str, environment: str, folder: Path) -> dict[str, str]:
    """The same, with files in ``folder`` for those of the service's Secret."""
    kind = "live" if environment == "production" else "test"
    examples = EXAMPLES | {"stripe-secret-key": f"rk_{kind}_key", "stripe-publishable-key": f"pk_{kind}_key"}
    for key in connected.made_secrets(given).get(service, ()):
        (folder / key).write_text(examples.get(key, "word").format(service=service))
    if environment == "local":
        for key, text in local_secrets()[service].items():
            (folder / key).write_text(text)
    for one in given.of("ConfigMap"):
        if one["metadata"]["name"].startswith("machine-images-"):
            (folder / "keys.pem").write_text(one["data"]["keys.pem"])
    told = settings_of(given, service)
    return {name: value.replace(MOUNT, f"{folder}/").replace(KEYS, f"{folder}/") for name, value in told.items()}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("service", LOADERS)
def test_a_service_starts_with_what_it_is_given(service: str, environment: str, tmp_path: Path) -> None:
    settings = LOADERS[service](environ_of(in_environment(environment), service, environment, tmp_path))
    assert settings.deployment == environment
    assert settings.probes_listen == "0.0.0.0:9090"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("service", LOADERS)
def test_every_file_of_the_settings_is_a_key_of_the_services_secret(service: str, environment: str) -> None:
    given = in_environment(environment)
    made = local_secrets() if environment == "local" else connected.made_secrets(given)
    named = {value for value in settings_of(given, service).values() if value.startswith(MOUNT)}
    assert named == {MOUNT + key for key in made[service]}


@pytest.mark.parametrize("service", LOADERS)
def test_a_setting_that_is_none_stops_the_start(service: str, tmp_path: Path) -> None:
    environ = environ_of(in_environment("staging"), service, "staging", tmp_path)
    with pytest.raises(SettingsError, match="S4_DEPLOYEMENT is not a setting"):
        LOADERS[service](environ | {"S4_DEPLOYEMENT": "staging"})


@pytest.mark.parametrize("service", LOADERS)
def test_a_secret_without_a_key_stops_the_start(service: str, tmp_path: Path) -> None:
    environ = environ_of(in_environment("staging"), service, "staging", tmp_path)
    (tmp_path / "amqp-url").unlink()
    with pytest.raises(SettingsError, match="S4_AMQP_URL cannot be read from the file"):
        LOADERS[service](environ)


def test_production_does_not_start_with_the_key_of_staging(tmp_path: Path) -> None:
    environ = environ_of(in_environment("production"), "billing", "staging", tmp_path)
    with pytest.raises(SettingsError, match="is a test key, but S4_DEPLOYMENT is production"):
        LOADERS["billing"](environ)


@pytest.mark.parametrize("environment", CLOUD)
def test_what_others_are_told_of_an_address_is_where_it_is(environment: str) -> None:
    given = in_environment(environment)
    hosts = {one["metadata"]["name"]: one["spec"]["rules"][0]["host"] for one in given.of("Ingress")}
    for service in ("web", "billing", "notifier"):
        assert settings_of(given, service)["S4_PUBLIC_URL"] == f"https://{hosts['site']}"
    assert settings_of(given, "support")["S4_PUBLIC_URL"] == f"https://{hosts['support']}"
    assert urlsplit(settings_of(given, "invites")["S4_MAILBOX_URL"]).hostname == hosts["mailbox"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("service", LOADERS)
def test_addresses_inside_are_services_that_are_there(service: str, environment: str) -> None:
    given = in_environment(environment)
    told = settings_of(given, service)
    asked = [urlsplit(value) for name, value in told.items() if name.endswith("_URL") and value.startswith("http://")]
    for url in asked:
        if url.hostname != "localhost":
            ports = {port["port"] for port in given.named("Service", str(url.hostname))["spec"]["ports"]}
            assert url.port in ports
    listens = {int(value.rpartition(":")[2]) for name, value in told.items() if name.endswith("_LISTEN")}
    (container,) = given.named("Deployment", service)["spec"]["template"]["spec"]["containers"]
    assert listens == {port["containerPort"] for port in container["ports"]}


@pytest.mark.parametrize("environment", CLOUD)
def test_no_machine_is_started_before_somebody_said_whose_images_are_good(environment: str, tmp_path: Path) -> None:
    environ = environ_of(in_environment(environment), "provisioner", environment, tmp_path)
    settings = load(s4_provisioner.settings.Settings, environ)
    with pytest.raises(Permanent, match="machine-image-key-unreadable"):
        signed_images.keys(settings.machine_image_keys)


@pytest.mark.parametrize("environment", CLOUD)
def test_the_keys_of_machine_images_are_mounted_where_the_settings_look_and_in_the_migration(environment: str) -> None:
    given = in_environment(environment)
    file = settings_of(given, "provisioner")["S4_MACHINE_IMAGE_KEYS_FILE"]
    revision = given.named("ConfigMap", "release")["data"]["revision"]
    for kind, name in (("Deployment", "provisioner"), ("Job", f"migrate-provisioner-{revision}")):
        (container,) = given.named(kind, name)["spec"]["template"]["spec"]["containers"]
        assert KEYS.rstrip("/") in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert file == f"{KEYS}keys.pem"


def test_a_release_signing_key_is_one_for_machine_images(tmp_path: Path) -> None:
    environ = environ_of(in_environment("production"), "provisioner", "production", tmp_path)
    (tmp_path / "keys.pem").write_text(SigningKey.new().public.pem)
    settings = load(s4_provisioner.settings.Settings, environ)
    assert len(signed_images.keys(settings.machine_image_keys)) == 1


def test_services_with_traces_are_told_where_and_may_go_there() -> None:
    given = render("examples/traces")
    for service in LOADERS:
        (container,) = given.named("Deployment", service)["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        host = urlsplit(told["S4_TRACES_URL"])
        assert (host.hostname, host.port, host.path) == ("collector.s4-observability", 4318, "/v1/traces")
    policy = given.named("NetworkPolicy", "traces")["spec"]
    (rule,) = policy["egress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 4318}]
    pod = given.named("Deployment", "web")["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("environment", CLOUD)
def test_nobody_is_told_of_a_collector_that_is_not_there(environment: str) -> None:
    for one in in_environment(environment).of("Deployment"):
        assert "S4_TRACES_URL" not in str(one)
