"""Puna on Ray Serve (`puna.ray_serve:app`) and its Gradio page (`puna.gradio_app`).

Nothing here knows models: the C++ binary `puna serve` does, and HTTP is the only boundary.
"""

__version__ = "0.1.0"
