"""An nginx configuration that routes as ingress-nginx does with the same Ingress objects.

Only what deploy/kubernetes uses: regular expressions, rewrite-target, timeouts, buffering, body size.
"""

import pathlib
from collections.abc import Callable, Iterable
from typing import Any

ANNOTATION = "nginx.ingress.kubernetes.io/"
KNOWN = {"use-regex", "rewrite-target", "proxy-read-timeout", "proxy-send-timeout", "proxy-buffering",
         "proxy-body-size"}
FRAME = """daemon off;
pid "{folder}/nginx.pid";
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path "{folder}"; proxy_temp_path "{folder}"; fastcgi_temp_path "{folder}";
  uwsgi_temp_path "{folder}"; scgi_temp_path "{folder}";
  server {{
    listen {listen};
{locations}
    location / {{ return 404; }}
  }}
}}
"""
LOCATION = """    location ~* "^{path}" {{
      rewrite "(?i){path}" {target} break;
      proxy_pass http://{address};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_connect_timeout 5s;
      proxy_read_timeout {read}s;
      proxy_send_timeout {send}s;
      proxy_buffering {buffering};
      client_max_body_size {body};
    }}"""


def nginx_config(objects: Iterable[dict[str, Any]], address: Callable[[str, int], str], listen: str,
                 folder: pathlib.Path) -> str:
    """`address` gives host:port of a port of a Service; `folder` takes what nginx writes."""
    locations = []
    for ingress in objects:
        if ingress["kind"] != "Ingress":
            continue
        annotations = {name.removeprefix(ANNOTATION): value
                       for name, value in ingress["metadata"]["annotations"].items()}
        assert set(annotations) <= KNOWN, f"nginx_ingress.py does not know {set(annotations) - KNOWN}"
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                locations.append(LOCATION.format(
                    path=path["path"], target=annotations["rewrite-target"],
                    address=address(service["name"], service["port"]["number"]),
                    read=annotations["proxy-read-timeout"], send=annotations["proxy-send-timeout"],
                    buffering=annotations["proxy-buffering"], body=annotations["proxy-body-size"]))
    return FRAME.format(folder=folder, listen=listen, locations="\n".join(locations))
