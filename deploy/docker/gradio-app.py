"""The page of the image puna-gradio. On Kubernetes a ConfigMap lies over this file (deploy/kubernetes/base/gradio.yaml)."""

import sys

from puna.gradio_app import main

sys.exit(main())
