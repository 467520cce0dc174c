"""The RayService of an overlay whose pods are real processes: its state, its workers, and questions through the Ingress."""

import json

import yaml
from control_plane import Document, Lab
from nginx_ingress import nginx_config
from overlays import ROOT

INGRESS = "http://127.0.0.1:8081"


def state(lab: Lab) -> dict:
    return lab.get("rayservice", "llama2").get("status", {})


def is_running(lab: Lab) -> bool:
    applications = state(lab).get("activeServiceStatus", {}).get("applicationStatuses", {})
    return applications.get("llama2", {}).get("status") == "RUNNING" and bool(
        lab.get("service", "llama2-serve-svc")) and state(lab).get("numServeEndpoints", 0) >= 1


def start_nginx(lab: Lab, objects: list) -> None:
    def address(name: str, port: int) -> str:
        return f"{lab.get('service', name)['spec']['clusterIP']}:{port}"

    folder = lab.folder / "nginx"
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(nginx_config(objects, address, "127.0.0.1:8081", folder))
    lab.start("nginx", str(ROOT / "build/nginx/usr/sbin/nginx"), "-c", str(folder / "nginx.conf"))


def ask(lab: Lab, path: str, *options: str) -> str:
    return lab.run("curl", "--silent", "--show-error", "--max-time", "60", *options, INGRESS + path).stdout


def workers(lab: Lab) -> list[str]:
    return [one["metadata"]["name"] for one in lab.get("pod")
            if one["metadata"]["labels"].get("ray.io/node-type") == "worker"
            and not one["metadata"].get("deletionTimestamp")]


def with_application(service: Document, **fields: object) -> Document:
    """The object with fields of its application set."""
    config = yaml.safe_load(service["spec"]["serveConfigV2"])
    config["applications"][0] |= fields
    return service | {"spec": service["spec"] | {"serveConfigV2": yaml.safe_dump(config)}}


def set_application(lab: Lab, **fields: object) -> None:
    """In place: the Serve configuration changes, and the Ray cluster stays."""
    changed = with_application(lab.get("rayservice", "llama2"), **fields)["spec"]["serveConfigV2"]
    lab.kubectl("patch", "rayservice", "llama2", "--namespace=llama2", "--type=merge",
                f"--patch={json.dumps({'spec': {'serveConfigV2': changed}})}")
