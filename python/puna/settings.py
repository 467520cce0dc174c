"""What a replica is told: `args` of the Serve YAML, with environment variables as defaults.

A value of the YAML beats the environment, which beats the default. Whatever is wrong is refused
before anything starts, with the field, the value and what to do.
"""

import dataclasses
import difflib
import os
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

# The seed system's numbers; Ray's own would be 10 s, 30 s, 30 s and 600 s.
SEED_AUTOSCALING: dict[str, Any] = {
    "min_replicas": 1,
    "max_replicas": 2,
    "target_ongoing_requests": 1,
    "metrics_interval_s": 0.2,
    "look_back_period_s": 2,
    "upscale_delay_s": 2,
    "downscale_delay_s": 30,
}
AUTOSCALING_KEYS = (*SEED_AUTOSCALING, "initial_replicas", "downscale_to_zero_delay_s",
                    "upscaling_factor", "downscaling_factor", "aggregation_function")
# Flags of `puna serve` that belong to the contract between a replica and its server.
RESERVED_FLAGS = ("host", "port", "port-fd", "watch-stdin", "shutdown-timeout", "insecure-no-auth")
FlagValue = str | int | float | bool | list[str]
# `puna serve` runs and queues this many by default; Serve must send more, so that the engine,
# which knows its own rates, is the one that answers 503 with Retry-After.
SEQUENCES_DEFAULT = 64
QUEUED_DEFAULT = 256
ONGOING_MARGIN = 16


class SettingsError(ValueError):
    """A setting that cannot be used; the message is for the person who wrote it."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """One replica: which server to start, with which resources."""

    model: str = ""  # folder, .gguf file or hub repository; none: the server's demo model
    binary: str = "puna"
    weights: str = ""
    threads: int = 0  # 0: as many as num_cpus says, at least 1
    tp_degree: int = 1
    neuron_cores: int = 0
    num_gpus: float = 0.0
    num_cpus: float = 1.0
    memory_bytes: int = 0
    flags: dict[str, FlagValue] = dataclasses.field(default_factory=dict)
    autoscaling: dict[str, Any] = dataclasses.field(default_factory=lambda: dict(SEED_AUTOSCALING))
    ready_timeout_s: float = 900.0  # the seed's limit for a service to become healthy
    shutdown_timeout_s: float = 180.0  # the longest answer that clients of the seed wait for
    surge_percent: int = 100  # replicas of an update that start before old ones end
    restarts_max: int = 5
    restarts_window_s: float = 600.0
    insecure_no_auth: bool = False

    def server_arguments(self) -> list[str]:
        """The command line after `puna serve`, without what the replica itself adds."""
        arguments = [self.model] if self.model else []
        if self.weights:
            arguments += ["--weights", self.weights]
        arguments += ["--threads", str(self.threads or max(1, int(self.num_cpus)))]
        if self.tp_degree > 1:
            arguments += ["--tp-degree", str(self.tp_degree)]
        if self.insecure_no_auth:
            arguments.append("--insecure-no-auth")
        for name, value in self.flags.items():
            arguments += flag_arguments(name, value)
        return arguments

    def has_api_key(self, environment: Mapping[str, str] = os.environ) -> bool:
        return any(self.flags.get(name) for name in ("api-key", "api-key-file")) or any(
            environment.get(name) for name in ("PUNA_API_KEY", "PUNA_API_KEY_FILE"))

    def ongoing_requests_max(self) -> int:
        running = int_flag(self.flags, "max-num-seqs", SEQUENCES_DEFAULT)
        waiting = int_flag(self.flags, "max-num-queued-reqs", QUEUED_DEFAULT)
        return running + waiting + ONGOING_MARGIN

    def deployment_options(self) -> dict[str, Any]:
        """Options of the Serve deployment; `deployments` of a YAML overrides each."""
        actor: dict[str, Any] = {"num_cpus": self.num_cpus}
        if self.memory_bytes:
            actor["memory"] = self.memory_bytes
        if self.num_gpus:
            actor["num_gpus"] = self.num_gpus
        if self.neuron_cores:
            actor["resources"] = {"neuron_cores": self.neuron_cores}
        return {
            "ray_actor_options": actor,
            "autoscaling_config": self.autoscaling,
            "max_ongoing_requests": self.ongoing_requests_max(),
            "max_queued_requests": self.ongoing_requests_max(),
            "max_surge_percent": self.surge_percent,
            "health_check_period_s": 5,
            "health_check_timeout_s": 5,
            "graceful_shutdown_wait_loop_s": 1,
            "graceful_shutdown_timeout_s": self.shutdown_timeout_s,
        }


def flag_arguments(name: str, value: FlagValue) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    if isinstance(value, list):
        return [word for one in value for word in flag_arguments(name, one)]
    return [f"--{name}={value}"]


def int_flag(flags: Mapping[str, FlagValue], name: str, default: int) -> int:
    value = flags.get(name, os.environ.get("PUNA_" + name.upper().replace("-", "_"), default))
    try:
        return int(str(value))
    except ValueError:
        raise SettingsError(f"flags.{name} is {value!r}, and must be a whole number") from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"


# Field: environment variables that set it, first one wins.
ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "model": ("PUNA_MODEL", "MODEL_ID"),
    "binary": ("PUNA_BINARY",),
    "weights": ("PUNA_WEIGHTS",),
    "threads": ("PUNA_THREADS",),
    "tp_degree": ("PUNA_TP_DEGREE", "NEURON_CORES"),
    "neuron_cores": ("PUNA_NEURON_CORES", "NEURON_CORES"),
    "num_gpus": ("PUNA_REPLICA_GPUS",),
    "num_cpus": ("PUNA_REPLICA_CPUS",),
    "memory_bytes": ("PUNA_REPLICA_MEMORY_BYTES",),
    "ready_timeout_s": ("PUNA_READY_TIMEOUT_S",),
    "shutdown_timeout_s": ("PUNA_SHUTDOWN_TIMEOUT",),
    "surge_percent": ("PUNA_SURGE_PERCENT",),
    "insecure_no_auth": ("PUNA_INSECURE_NO_AUTH",),
}
AUTOSCALING_ENVIRONMENT = {
    "min_replicas": "PUNA_MIN_REPLICAS",
    "max_replicas": "PUNA_MAX_REPLICAS",
    "target_ongoing_requests": "PUNA_TARGET_ONGOING_REQUESTS",
}
# Field: (least, most). What is not here has no range.
RANGES: dict[str, tuple[float, float]] = {
    "threads": (0, 1024),
    "tp_degree": (1, 1024),
    "neuron_cores": (0, 1024),
    "num_cpus": (0, 4096),
    "num_gpus": (0, 64),
    "memory_bytes": (0, 1 << 50),
    "ready_timeout_s": (0.1, 86400),
    "shutdown_timeout_s": (0, 3600),
    "surge_percent": (0, 100),
    "restarts_max": (1, 1000),
    "restarts_window_s": (1, 86400),
}


def parse_settings(arguments: Mapping[str, Any],
                   environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of `arguments` over `environment`; raises SettingsError."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    for name in arguments:
        if name not in fields:
            raise SettingsError(f"args.{name} is not a setting{did_you_mean(name, fields)}")
    values: dict[str, Any] = {}
    for name, variables in ENVIRONMENT.items():
        for variable in variables:
            if environment.get(variable):
                values[name] = convert(name, environment[variable], variable)
                break
    for name, value in arguments.items():
        if name == "autoscaling":
            continue
        values[name] = parse_flags(value) if name == "flags" else convert(name, value, f"args.{name}")
    values["autoscaling"] = parse_autoscaling(arguments.get("autoscaling", {}), environment)
    return Settings(**values)


def convert(name: str, value: Any, source: str) -> Any:
    """`value` as the type of field `name`; `serve run` and the environment give everything as text."""
    wanted = type(getattr(Settings(), name))
    if wanted is bool:
        words = {"true": True, "1": True, "false": False, "0": False, "": False}
        if isinstance(value, bool) or str(value).lower() in words:
            return value if isinstance(value, bool) else words[str(value).lower()]
        raise SettingsError(f"{source} is {value!r}, and must be true or false")
    if wanted is str:
        if isinstance(value, str):
            return value
        raise SettingsError(f"{source} is {value!r}, and must be a text")
    kind = "a whole number" if wanted is int else "a number"
    try:
        if isinstance(value, bool) or (wanted is int and isinstance(value, float) and value % 1):
            raise ValueError
        number = wanted(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{source} is {value!r}, and must be {kind}") from None
    least, most = RANGES[name]
    if not least <= number <= most:
        raise SettingsError(f"{source} is {value}, and goes from {least} to {most}")
    return number


def parse_flags(value: Any) -> dict[str, FlagValue]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"args.flags is {value!r}, and must map flags of 'puna serve' to values")
    flags: dict[str, FlagValue] = {}
    for name, one in value.items():
        flag = str(name).removeprefix("--").replace("_", "-")
        if flag in RESERVED_FLAGS:
            raise SettingsError(f"args.flags.{name} cannot be set: the replica itself sets --{flag}")
        if isinstance(one, list):
            one = [str(item) for item in one]
        elif not isinstance(one, (str, int, float, bool)):
            raise SettingsError(f"args.flags.{name} is {one!r}, and must be a text, number, "
                                "true, false or a list of texts")
        flags[flag] = one
    return flags


def parse_autoscaling(value: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    """The seed's numbers with what is given on top."""
    if not isinstance(value, Mapping):
        raise SettingsError(f"args.autoscaling is {value!r}, and must be a mapping")
    chosen = dict(SEED_AUTOSCALING)
    given = {name: (environment[variable], variable)
             for name, variable in AUTOSCALING_ENVIRONMENT.items() if environment.get(variable)}
    given |= {name: (one, f"args.autoscaling.{name}") for name, one in value.items()}
    for name, (one, source) in given.items():
        if name not in AUTOSCALING_KEYS:
            raise SettingsError(f"{source} is not a setting{did_you_mean(name, AUTOSCALING_KEYS)}")
        if name == "aggregation_function":
            chosen[name] = one
            continue
        try:
            number = float(one)
        except (TypeError, ValueError):
            raise SettingsError(f"{source} is {one!r}, and must be a number") from None
        if number < 0:
            raise SettingsError(f"{source} is {one}, and must not be negative")
        chosen[name] = int(number) if name.endswith("_replicas") else number
    if chosen["max_replicas"] < max(1, chosen["min_replicas"]):
        raise SettingsError(
            f"max_replicas is {chosen['max_replicas']}, and must be at least 1 and at least "
            f"min_replicas, which is {chosen['min_replicas']}")
    return chosen


def find_binary(name: str) -> str:
    """The path of the server; raises SettingsError."""
    found = shutil.which(name)
    if found is None:
        raise SettingsError(f"binary {name!r} is not an executable file and not on the PATH; set "
                            "args.binary or PUNA_BINARY to the 'puna' program")
    return found
