#!/usr/bin/env python3
"""A double of the hashicorp/aws provider: the real schema (provider_schema.py), real calls to a double of AWS.

    provider_double.py --environment FILE [--offline]     writes FILE, to be sourced by a shell, and serves until SIGTERM

It speaks the plugin protocol (version 6) to a real tofu or terraform that finds it by TF_REATTACH_PROVIDERS. Known limits:
it checks of values only what AWS enumerates, sees of drift only what is gone, and changes in place without a call.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import tempfile
import threading
from concurrent import futures
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import grpc
import jmespath
import msgpack
from provider_recipes import EC2_TAG, RECIPES, REPLACES, UNKNOWN, Recipe, functions
from provider_schema import SCHEMA
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
GONE = re.compile(r"NotFound|NoSuch|NotExist|NonExistent|^404$")
HOSTS = ("registry.opentofu.org", "registry.terraform.io")
ACCOUNT = "000000000000"
WORKERS = 16
Values = dict[str, Any]


class Refused(Exception):
    pass


def loads(value: pb.DynamicValue) -> Any:
    def unknown(code: int, data: bytes) -> Any:
        return UNKNOWN
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=unknown)
    return json.loads(value.json or b"null")


def dumps(value: Any) -> pb.DynamicValue:
    return pb.DynamicValue(msgpack=msgpack.packb(value, default=lambda _: msgpack.ExtType(0, b"\0")))


def settled(value: Any) -> Any:
    """Without anything unknown."""
    if isinstance(value, dict):
        return {key: settled(one) for key, one in value.items()}
    if isinstance(value, list):
        return [settled(one) for one in value]
    return None if value is UNKNOWN else value


def with_unknowns(block: Values, value: Values) -> Values:
    """What AWS decides and nobody has set is unknown until it is there."""
    filled = dict(value)
    for name, spec in block["attributes"].items():
        if spec.get("computed") and filled.get(name) is None:
            filled[name] = UNKNOWN
    for name, nested in block["block_types"].items():
        if isinstance(filled.get(name), list):
            filled[name] = [with_unknowns(nested["block"], one) for one in filled[name]]
    return filled


def proto(block: Values) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[pb.Schema.Attribute(name=name, type=json.dumps(one["type"]).encode(),
                                        **{word: True for word in ("required", "optional", "computed") if one.get(word)})
                    for name, one in block["attributes"].items()],
        block_types=[pb.Schema.NestedBlock(type_name=name, block=proto(one["block"]), nesting=NESTING[one["nesting_mode"]],
                                           min_items=one.get("min_items", 0), max_items=one.get("max_items", 0))
                     for name, one in block["block_types"].items()])


def not_enumerated(shape: Any, value: Any, path: str = "") -> list[str]:
    """Values that AWS's own description of its API does not have."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return [words for name, one in value.items() if name in shape.members
                for words in not_enumerated(shape.members[name], one, f"{path}.{name}")]
    if shape.type_name == "list" and isinstance(value, (list, tuple)):
        return [words for one in value for words in not_enumerated(shape.member, one, f"{path}[]")]
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path.lstrip('.')}: {value!r} is not one of {', '.join(shape.enum)}"]
    return []


CLIENTS: dict[tuple[str, str], Any] = {}
CLIENTS_LOCK = threading.Lock()


def client(service: str, region: str) -> Any:
    """Made once: reading the description of a service takes longer than a hundred calls of it."""
    with CLIENTS_LOCK:
        if (service, region) not in CLIENTS:
            # As many connections as this provider has threads.
            CLIENTS[service, region] = boto3.client(service, region_name=region, config=botocore.config.Config(
                max_pool_connections=WORKERS))
        return CLIENTS[service, region]


class Aws:
    """Carries recipes out."""

    def __init__(self, region: str) -> None:
        self.region, self.functions = region, functions(region, ACCOUNT)

    def client(self, service: str) -> Any:
        return client(service, self.region)

    def step(self, service: str, step: str, values: Values) -> Values:
        operation, *parameters = step.split()
        sent = {}
        for name, source in (one.split("=", 1) for one in parameters):
            if source[0] == "@":
                value = self.functions[source[1:]](values)
            elif source[0] in "'[":
                value = source[1:-1] if source[0] == "'" else [values[source[1:-1]]]
            else:
                value = values.get(source)
            if value not in (None, [], {}) and value is not UNKNOWN:
                sent[name] = value
        client = self.client(service)
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        wrong = not_enumerated(model.input_shape, sent) if model.input_shape else []
        if wrong:
            raise Refused(f"{model.name}: {'; '.join(wrong)}")
        answer: Values = getattr(client, operation)(**sent)
        return answer

    def steps(self, service: str, steps: str, values: Values) -> None:
        for step in filter(None, (one.strip() for one in steps.split(";"))):
            self.step(service, step, values)

    def create(self, recipe: Recipe, planned: Values) -> Values:
        values = dict(settled(planned))
        first, _, rest = recipe.create.partition(";")
        answer = self.step(recipe.service, first, values)
        values["id"] = recipe.id.format(**values) if "{" in recipe.id else jmespath.search(recipe.id, answer)
        for name, source in recipe.computed.items():
            values[name] = (self.functions[source[1:]](values, answer) if source[0] == "@" else jmespath.search(source, answer))
        tag = recipe.tag or (EC2_TAG if recipe.service == "ec2" and "tags_all" in planned else "")
        self.steps(recipe.service, rest + (f";{tag}" if tag and tag != "-" and values.get("tags_all") else ""), values)
        return values


class Provider(rpc.ProviderServicer):  # type: ignore[misc]
    def __init__(self, schema: Values, offline: bool) -> None:
        self.schema, self.offline = schema, offline
        self.tags: dict[str, str] = {}
        self.aws = Aws(os.environ.get("AWS_REGION", "us-west-2"))

    def block(self, kind: str) -> Values:
        return self.schema["resource_schemas"][kind]["block"]

    def GetMetadata(self, request, context):
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "use GetProviderSchema")

    def GetProviderSchema(self, request, context):
        def wrap(one: Values) -> pb.Schema:
            return pb.Schema(version=one["version"], block=proto(one["block"]))
        return pb.GetProviderSchema.Response(
            provider=wrap(self.schema["provider"]),
            resource_schemas={name: wrap(one) for name, one in self.schema["resource_schemas"].items()},
            data_source_schemas={name: wrap(one) for name, one in self.schema["data_source_schemas"].items()})

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        config = loads(request.config) or {}
        self.aws = Aws(config.get("region") or "us-west-2")
        self.tags = ((config.get("default_tags") or [{}])[0] or {}).get("tags") or {}
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request, context):
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))

    def PlanResourceChange(self, request, context):
        prior, planned, config = (loads(one) for one in (request.prior_state, request.proposed_new_state, request.config))
        if planned is None:
            return pb.PlanResourceChange.Response(planned_state=dumps(None))
        block = self.block(request.type_name)
        if prior is None:
            planned = with_unknowns(block, planned)
        if "tags_all" in block["attributes"]:
            planned["tags_all"] = UNKNOWN if config.get("tags") is UNKNOWN else {**self.tags, **(config.get("tags") or {})}
        answer = pb.PlanResourceChange.Response(planned_state=dumps(planned))
        for name in REPLACES if prior else ():
            if name in block["attributes"] and config.get(name) is not None and prior.get(name) != planned.get(name):
                answer.requires_replace.add(steps=[pb.AttributePath.Step(attribute_name=name)])
        return answer

    def ApplyResourceChange(self, request, context):
        kind, prior, planned = request.type_name, loads(request.prior_state), loads(request.planned_state)
        answer = pb.ApplyResourceChange.Response
        try:
            if planned is None:
                self.remove(kind, prior)
                return answer(new_state=dumps(None))
            if prior is None:
                made = {**settled(planned), "id": f"{kind}-offline"} if self.offline else self.aws.create(self.recipe(kind), planned)
                known = {name: value if planned.get(name) is not UNKNOWN else made.get(name)
                         for name, value in settled(planned).items()}
                # Blocks whose fields AWS has decided.
                known |= {name: made[name] for name in self.recipe(kind).computed if name in self.block(kind)["block_types"]}
                return answer(new_state=dumps(settled(known)))
            return answer(new_state=dumps({name: prior.get(name) if value is UNKNOWN else value for name, value in planned.items()}))
        except botocore.exceptions.ClientError as error:
            said = error.response["Error"]
            return answer(new_state=dumps(prior), diagnostics=self.trouble(
                f"{kind}: {error.operation_name}: api error {said['Code']}: {said.get('Message', '')}"))
        except (botocore.exceptions.BotoCoreError, Refused) as error:
            return answer(new_state=dumps(prior), diagnostics=self.trouble(f"{kind}: {error}"))

    def recipe(self, kind: str) -> Recipe:
        if kind not in RECIPES:
            raise Refused(f"{kind} has no recipe in provider_recipes.py")
        return RECIPES[kind]

    def remove(self, kind: str, prior: Values) -> None:
        if self.offline:
            return
        try:
            self.aws.steps(self.recipe(kind).service, self.recipe(kind).delete, dict(prior))
        except botocore.exceptions.ClientError as error:
            if not GONE.search(error.response["Error"]["Code"]):
                raise

    @staticmethod
    def trouble(summary: str) -> list[pb.Diagnostic]:
        return [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary)]

    def ReadResource(self, request, context):
        kind = request.type_name
        if not self.offline:
            try:
                self.aws.steps(RECIPES[kind].service, RECIPES[kind].read, loads(request.current_state))
            except botocore.exceptions.ClientError as error:
                if GONE.search(error.response["Error"]["Code"]):
                    return pb.ReadResource.Response(new_state=dumps(None))
                return pb.ReadResource.Response(new_state=request.current_state, diagnostics=self.trouble(f"{kind}: {error}"))
        return pb.ReadResource.Response(new_state=request.current_state)

    def ReadDataSource(self, request, context):
        kind, config = request.type_name, loads(request.config)
        try:
            config |= getattr(self, f"data_{kind}")(config)
        except botocore.exceptions.ClientError as error:
            return pb.ReadDataSource.Response(state=request.config, diagnostics=self.trouble(f"{kind}: {error}"))
        return pb.ReadDataSource.Response(state=dumps(settled(config)))

    def data_aws_caller_identity(self, _: Values) -> Values:
        who = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": "x"}
        if not self.offline:
            who = self.aws.client("sts").get_caller_identity()
        return {"account_id": who["Account"], "arn": who["Arn"], "user_id": who["UserId"], "id": who["Account"]}

    def data_aws_partition(self, _: Values) -> Values:
        return {"id": "aws", "partition": "aws", "dns_suffix": "amazonaws.com", "reverse_dns_prefix": "com.amazonaws"}

    def data_aws_iam_policy_document(self, config: Values) -> Values:
        rows = []
        for one in config["statement"] or []:
            row = {"Sid": one["sid"], "Effect": one["effect"] or "Allow", "Action": one["actions"], "Resource": one["resources"],
                   "Principal": {each["type"]: each["identifiers"] for each in one["principals"] or []},
                   "Condition": {}}
            for each in one["condition"] or []:
                row["Condition"].setdefault(each["test"], {})[each["variable"]] = each["values"]
            rows.append({name: value for name, value in row.items() if value})
        text = json.dumps({"Version": "2012-10-17", "Statement": rows})
        return {"id": "policy", "json": text, "minified_json": text}

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environment", type=pathlib.Path, required=True)
    parser.add_argument("--offline", action="store_true", help="no calls: plan, validate and test only")
    options = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=WORKERS), options=[
        ("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)])
    rpc.add_ProviderServicer_to_server(Provider(json.loads(SCHEMA.read_text()), options.offline), server)
    socket = pathlib.Path(tempfile.mkdtemp()) / "provider.sock"
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    entry = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True,
             "Addr": {"Network": "unix", "String": str(socket)}}
    new = options.environment.with_suffix(".new")
    new.write_text(json.dumps({f"{host}/hashicorp/aws": entry for host in HOSTS}))
    new.replace(options.environment)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    server.stop(0)


if __name__ == "__main__":
    main()
