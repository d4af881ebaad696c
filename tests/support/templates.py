"""Templates of CloudFormation: read as they would be with parameters, and deployed to the local cloud."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from support.grid_cloud import REGION, Cloud

ROOT = Path(__file__).parents[2]
AWS = ROOT / "ops" / "aws"
ACCOUNT = "123456789012"
_PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = "Ref" if tag == "Ref" else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise AssertionError(tag)


_Loader.add_multi_constructor("!", _short_form)


def parameters(environment: str) -> dict[str, str]:
    """What an environment's parameters are."""
    told: dict[str, str] = json.loads((AWS / "parameters" / f"{environment}.json").read_text())["Parameters"]
    return told


def template(name: str) -> dict[str, Any]:
    """A template as it stands."""
    found: dict[str, Any] = yaml.load((AWS / f"{name}.yaml").read_text(), _Loader)  # noqa: S506  a safe loader's child
    return found


def resolved(value: Any, told: dict[str, str]) -> Any:
    """The value with parameters put in; what only a deployment knows stays as it is."""
    known = _PSEUDO | told
    if isinstance(value, list):
        return [resolved(each, told) for each in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value and value["Ref"] in known:
        return known[value["Ref"]]
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: known.get(found[1], found[0]), value["Fn::Sub"])
    return {key: resolved(each, told) for key, each in value.items()}


def statements(name: str, resource: str, told: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The statements of a managed policy, by their names."""
    document = template(name)["Resources"][resource]["Properties"]["PolicyDocument"]
    return {each.get("Sid", str(number)): each for number, each in enumerate(resolved(document, told)["Statement"])}


def deploy(cloud: Cloud, name: str, told: dict[str, str], stack: str) -> dict[str, str]:
    """The stack is there; its outputs. As with the command, parameters that it does not have are left out."""
    wanted = template(name).get("Parameters", {})
    pairs = [{"ParameterKey": key, "ParameterValue": told[key]} for key in wanted if key in told]
    formation = cloud.client("cloudformation")
    body = (AWS / f"{name}.yaml").read_text()
    formation.create_stack(StackName=stack, TemplateBody=body, Parameters=pairs, Capabilities=["CAPABILITY_NAMED_IAM"])
    (made,) = formation.describe_stacks(StackName=stack)["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE", made
    return {each["OutputKey"]: each["OutputValue"] for each in made.get("Outputs", ())}
