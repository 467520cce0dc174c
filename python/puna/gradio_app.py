"""The Gradio chat page: `python -m puna.gradio_app`, on port 7860.

Title, examples and placeholder are the seed system's. The page streams from the server that
SERVICE_NAME names, keeps the conversation in the browser's session, and asks nothing of the internet.
"""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

# Before gradio is imported, or it reports its import.
for _name, _value in {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1",
                      "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}.items():
    os.environ.setdefault(_name, _value)

import gradio as gr  # noqa: E402

from puna.chat_client import ChatError, Service, answer, load_filter, open_client  # noqa: E402

TITLE = "Llama2/3 AI Chat"
DESCRIPTION = "Ask me any question"
PLACEHOLDER = "Ask me a question"
EXAMPLES = ["How many languages are in India", "What is Generative AI?"]
# Marks shown errors in the history that Gradio gives back. A title would fold their words away.
ERROR_MARK = {"id": "error"}
MAX_TOKENS_MOST = 4096
MAX_TOKENS_DEFAULT = 512
CONCURRENT_ANSWERS_MAX = 64
WAITING_MAX = 256
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def message_text(content: Any) -> str:
    """Gradio gives a text, or a list of parts of which only texts matter here."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(message_text(part.get("text", "") if isinstance(part, dict) else part)
                       for part in content)
    return ""


def conversation(history: Sequence[Mapping[str, Any]], system_prompt: str,
                 message: str) -> list[dict[str, str]]:
    """What the server is asked: errors that were shown are no part of it, nor what led to them only."""
    said: list[dict[str, str]] = []
    for one in history:
        if (one.get("metadata") or {}).get("id") == ERROR_MARK["id"]:
            continue
        text = message_text(one.get("content"))
        if said and said[-1]["role"] == one["role"] == "user":
            said.pop()  # its answer was an error; the new question takes its place
        if text:
            said.append({"role": str(one["role"]), "content": text})
    if said and said[-1]["role"] == "user":
        said.pop()
    begin = [{"role": "system", "content": system_prompt}] if system_prompt.strip() else []
    return [*begin, *said, {"role": "user", "content": message}]


def with_error(text: str, words: str) -> list[Any]:
    """An error as a message of its own; gr.Error would cover the whole conversation."""
    shown = [gr.ChatMessage(role="assistant", content=text)] if text else []
    return [*shown, gr.ChatMessage(role="assistant", content=f"**Error.** {words}", metadata=ERROR_MARK)]


def build_page(environment: Mapping[str, str] = os.environ) -> Any:
    """The page as Gradio Blocks; raises ChatError for settings that cannot be used."""
    service = Service.from_environment(environment)
    filtered = load_filter(environment.get("PUNA_ANSWER_FILTER", ""))
    client = open_client(service)

    async def reply(message: str, history: list[dict[str, Any]], system_prompt: str,
                    temperature: float, max_tokens: float) -> AsyncIterator[Any]:
        text = ""
        try:
            asked = conversation(history, system_prompt, message_text(message))
            async for so_far in answer(client, service, asked, int(max_tokens), float(temperature)):
                text = filtered(so_far)
                yield text
            if not text:
                yield with_error("", "The answer was empty.")
        except ChatError as failure:
            yield with_error(text, str(failure))

    return gr.ChatInterface(
        reply, title=TITLE, description=DESCRIPTION, examples=[[example] for example in EXAMPLES],
        cache_examples=False, run_examples_on_click=True, flagging_mode="never",
        chatbot=gr.Chatbot(height=480, show_label=False, buttons=["copy"], allow_tags=False,
                           allow_file_downloads=False, feedback_options=None),
        textbox=gr.Textbox(placeholder=PLACEHOLDER, label="Message", show_label=False, submit_btn=True,
                           stop_btn=True, max_length=100_000, lines=1, max_lines=20),
        additional_inputs_accordion=gr.Accordion("Settings", open=False),
        additional_inputs=[
            gr.Textbox(environment.get("PUNA_SYSTEM_PROMPT", ""), label="System prompt", lines=2),
            gr.Slider(0, 2, value=0.7, step=0.05, label="Temperature"),
            gr.Slider(1, MAX_TOKENS_MOST, value=MAX_TOKENS_DEFAULT, step=1, label="Max tokens")],
        concurrency_limit=CONCURRENT_ANSWERS_MAX, analytics_enabled=False, api_visibility="private")


def sign_in(host: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Name and password of PUNA_GRADIO_AUTH; other machines are not let in without."""
    name, _, password = environment.get("PUNA_GRADIO_AUTH", "").partition(":")
    if name and password:
        return name, password
    allowed = environment.get("PUNA_INSECURE_NO_AUTH", "").lower() in ("1", "true")
    if host not in LOOPBACK_HOSTS and not allowed:
        raise ChatError(f"HOST {host} lets other machines in; set PUNA_GRADIO_AUTH=name:password, or "
                        "PUNA_INSECURE_NO_AUTH=1 if something else protects the page")
    return None


def main() -> int:
    host = os.environ.get("HOST", "127.0.0.1")
    try:
        port = int(os.environ.get("PORT", "7860"))
        auth = sign_in(host, os.environ)
        page = build_page()
        page.queue(max_size=WAITING_MAX).launch(
            server_name=host, server_port=port, auth=auth, share=False, quiet=True, footer_links=[],
            root_path=os.environ.get("PUNA_ROOT_PATH") or None,
            theme=gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]))
    except (ChatError, OSError, ValueError) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
