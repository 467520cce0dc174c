"""Judges a Serve YAML before Ray sees it: `python -m puna.serve_config FILE`.

Ray ignores keys that it does not know, so that a misspelled or outdated setting silently changes
nothing. Here every unknown key is named, with what it was probably meant to be.
"""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from puna.settings import SettingsError, did_you_mean, parse_settings

APP_IMPORT_PATH = "puna.ray_serve:app"
DEPLOYMENT = "PunaReplica"
CONFIG_BYTES_MAX = 1 << 20
# Names of older Rays, as the seed's YAML has them, and what they are called now.
RENAMED = {
    "target_num_ongoing_requests_per_replica": "target_ongoing_requests",
    "max_concurrent_queries": "max_ongoing_requests",
    "smoothing_factor": "upscaling_factor",
    "upscale_smoothing_factor": "upscaling_factor",
    "downscale_smoothing_factor": "downscaling_factor",
}


class ConfigError(ValueError):
    """A YAML that cannot be used: one line for each problem."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """Which keys a mapping may have, and the shapes below them."""

    keys: frozenset[str]
    below: Mapping[str, "Shape"] = dataclasses.field(default_factory=dict)


def serve_shape() -> Shape:
    """What the installed Ray understands, from its own schema."""
    from ray.serve import config, schema

    def shape(model: Any, **below: Shape) -> Shape:
        return Shape(frozenset(model.model_fields), below)

    deployment = shape(
        schema.DeploymentSchema,
        autoscaling_config=shape(config.AutoscalingConfig),
        ray_actor_options=shape(schema.RayActorOptionsSchema),
        logging_config=shape(schema.LoggingConfig))
    application = shape(schema.ServeApplicationSchema, deployments=deployment,
                        logging_config=shape(schema.LoggingConfig))
    return shape(schema.ServeDeploySchema, applications=application,
                 http_options=shape(schema.HTTPOptionsSchema),
                 grpc_options=shape(schema.gRPCOptionsSchema),
                 logging_config=shape(schema.LoggingConfig))


def unknown_keys(value: Any, shape: Shape, path: str) -> list[str]:
    if isinstance(value, list):
        return [problem for index, one in enumerate(value)
                for problem in unknown_keys(one, shape, f"{path}[{index}]")]
    if not isinstance(value, Mapping):
        return [f"{path} is {value!r}, and must be a mapping"] if value is not None else []
    problems = []
    for key, one in value.items():
        here = f"{path}.{key}" if path else str(key)
        if key in shape.below:
            problems += unknown_keys(one, shape.below[key], here)
        elif key in RENAMED and key not in shape.keys:
            problems.append(f"{here}: Ray ignores this name; it is called {RENAMED[key]} now")
        elif key not in shape.keys:
            problems.append(f"{here} is not a setting of Ray Serve{did_you_mean(str(key), shape.keys)}")
    return problems


def application_problems(application: Mapping[str, Any], path: str) -> list[str]:
    if application.get("import_path") != APP_IMPORT_PATH:
        return []
    problems = []
    runtime = application.get("runtime_env") or {}
    environment = {str(name): str(value) for name, value in (runtime.get("env_vars") or {}).items()}
    try:
        parse_settings(application.get("args") or {}, {**os.environ, **environment})
    except SettingsError as failure:
        problems.append(f"{path}: {failure}")
    for index, deployment in enumerate(application.get("deployments") or []):
        if deployment.get("name") != DEPLOYMENT:
            problems.append(f"{path}.deployments[{index}].name is {deployment.get('name')!r}, and the "
                            f"only deployment is {DEPLOYMENT}")
    return problems


def value_problems(config: Mapping[str, Any]) -> list[str]:
    """What Ray's own schema says about values."""
    import pydantic
    from ray.serve.schema import ServeDeploySchema

    try:
        ServeDeploySchema.model_validate(config)
    except pydantic.ValidationError as failure:
        return [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
                for error in failure.errors()]
    except ValueError as failure:
        return [str(failure)]
    return []


def check_config(config: Any) -> None:
    """Raises ConfigError with every problem that can be known without a cluster."""
    if not isinstance(config, Mapping):
        raise ConfigError("the file must hold a mapping with 'applications'")
    problems = unknown_keys(config, serve_shape(), "") or value_problems(config)
    applications = config.get("applications")
    if isinstance(applications, list) and applications:
        for index, application in enumerate(applications):
            if isinstance(application, Mapping):
                problems += application_problems(application, f"applications[{index}]")
    elif not problems:
        problems = ["applications is missing or empty"]
    if problems:
        raise ConfigError("\n".join(problems))


def load_config(path: str) -> dict[str, Any]:
    """Reads and judges a Serve YAML; raises ConfigError."""
    try:
        file = pathlib.Path(path)
        if file.stat().st_size > CONFIG_BYTES_MAX:
            raise ConfigError(f"{path} has more than {CONFIG_BYTES_MAX} bytes")
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as failure:
        raise ConfigError(f"cannot read {path}: {failure.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        raise ConfigError(f"{path} is not YAML: {failure}") from None
    check_config(config)
    return dict(config)


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: python -m puna.serve_config FILE", file=sys.stderr)
        return 2
    try:
        load_config(sys.argv[1])
    except ConfigError as failure:
        for line in str(failure).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return 1
    print(f"{sys.argv[1]} is a Serve configuration without unknown or wrong settings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
