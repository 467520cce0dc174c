#!/usr/bin/python3
"""Makes tests/golden/chat_template/goldens.json: what Debian's python3-jinja2 renders, set up as transformers does.

The templates are our own, in the formats of Llama 2, Llama 3.x, SmolLM2 (ChatML) and TinyLlama (Zephyr), with the
built-in ones and one for each group of features.
"""

import json
import pathlib
import re

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/chat_template"

TEMPLATES = {
    "smollm2": """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}\
{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}\
{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "llama-2-strict": """{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}\
{% set system = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set system = false %}{% endif %}\
{% for message in rest %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('user and assistant must take turns') }}{% endif %}\
{% if loop.index0 == 0 and system != false %}\
{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}\
{% else %}{% set content = message['content'] %}{% endif %}\
{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}\
{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    "llama-3.1": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message may be given. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "loops": """{% for m in messages if m.role != 'system' %}{{ loop.index }}/{{ loop.length }} {{ loop.first }}
{{ loop.last }} {{ loop.revindex0 }} {{ m.content[:3] }}|{{ m.content[-2:] }}{% if loop.index == 3 %}{% break %}{% endif %}
{% else %}nobody{% endfor %}{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}
{% for i in range(5, 0, -2) %}{{ i }}{% if i == 3 %}{% continue %}{% endif %}.{% endfor %}""",
    "sets": """{% set ns = namespace(count=0, last='') %}{% for m in messages %}{% set ns.count = ns.count + 1 %}
{%- set ns.last = m['role'] %}{% set inner = m.role %}{% endfor %}{{ ns.count }}{{ ns.last }}{{ inner is defined }}
{% set a, b = 1, 'two' %}{{ a }}{{ b }}{% set block %}<{{ a + 1 }}>{% endset %}{{ block }}{% set up | upper %}abc{% endset %}{{ up }}
{% macro tag(name, text='none') %}[{{ name }}:{{ text }}]{% endmacro %}{{ tag('x') }}{{ tag('y', text=3) }}""",
    "filters": """{{ messages | length }}{{ messages | map(attribute='role') | join('-') }}
{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | length }}
{{ messages | rejectattr('role', 'in', ['user', 'system']) | list | length }}
{{ '  x y ' | trim }}|{{ 'aXb' | lower }}|{{ 'abc def' | title }}|{{ 'abc' | capitalize }}|{{ missing | default('d') }}
{{ messages[0] | tojson }}{{ [1, 2.0, none, true, 'é"<'] | tojson }}{{ {'b': 1, 'a': [1]} | tojson(indent=2) }}
{{ 'a,b,c' | replace(',', ';') }}{{ [3, 1, 2] | first }}{{ [3, 1, 2] | last }}{{ 'xyz' | list }}{{ '42' | int + 1 }}
{{ 'one\\ntwo\\n\\nthree' | indent(4) }}{{ [1, 2, 3] | reverse | join(',') }}{{ -3 | abs }}{{ {'k': 'v'} | items | list }}""",
    "expressions": """{{ 1 + 2 * 3 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 1 / 4 }} {{ 2 * 'ab' }}
{{ 'a' ~ 1 ~ none ~ true }} {{ 1 < 2 < 3 }} {{ 1 < 2 > 5 }} {{ 'b' in 'abc' }} {{ 4 not in [1, 2] }} {{ not 0 }} {{ 0 or 'x' }}
{{ 1 and 'y' }} {{ 'yes' if messages else 'no' }} {{ [1, 'a', (2, 3)] }} {{ {'a': 1, 'b': none} }} {{ 'abcdef'[1:5:2] }}
{{ [1, 2, 3][::-1] }} {{ 1.0 }} {{ 1e20 }} {{ 0.1 + 0.2 }} {{ 'x' == 'x' }} {{ [1] == [1] }} {{ 'a' < 'b' }} {{ none is none }}
{{ 3 is odd }} {{ 4 is divisibleby 2 }} {{ 'x' is string }} {{ messages is iterable }} {{ messages[0] is mapping }} {{ 1 is number }}
{{ missing is defined }} {{ missing }} {{ messages[0].nothing }} {{ true }} {{ 'tab\\tq\\'' }} {{ "a" "b" }}""",
    "methods": """{{ ' a b '.strip() }}|{{ 'a-b-c'.split('-') }}|{{ 'a b  c'.split() }}|{{ 'abc'.startswith('ab') }}
{{ 'abc'.endswith('x') }}{{ 'abc'.upper() }}{{ 'ABC'.lower() }}{{ 'aXbX'.replace('X', '-') }}{{ 'xxabcxx'.lstrip('x') }}
{{ 'a\\nb'.splitlines() }}{{ messages[0].get('role') }}{{ messages[0].get('x', 'none') }}{{ messages[0].keys() | list }}
{{ 'hello world'.title() }}{{ 'hello'.find('l') }}{{ 'hello'.count('l') }}{{ ','.join(['a', 'b']) }}""",
    "whitespace": """  {% if true %}
    indented
  {% endif %}
{{ 'a' }}
{# a comment #}
  {#- another -#}
  b
{%- if true -%}   c   {%- endif +%}
  {%+ if true %}d{% endif %}
{% raw %}{{ not run }}{% endraw %}
end
""",
}

CONVERSATIONS = [
    [("user", "Hello")],
    [("system", "You are a pirate."), ("user", "  Hi there!  ")],
    [("user", "a"), ("assistant", " b "), ("user", "c")],
    [("system", "S"), ("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4"), ("user", "5")],
    [("user", "Grüße, 世界 👋\n\nnew line"), ("assistant", "<|im_end|>[/INST]</s>"), ("user", "{{ 7 * 7 }}{% x %}")],
    [("system", "Long one\nwith lines"), ("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2"),
     ("user", "q3"), ("assistant", "a3"), ("user", "q4"), ("assistant", "a4"), ("user", "q5"), ("assistant", "a5"),
     ("user", "q6")],
    [("assistant", "I begin."), ("user", "")],
]


class Refused(Exception):
    pass


def raise_exception(message: str) -> None:
    raise Refused(message)


def environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    made.globals["raise_exception"] = raise_exception
    made.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    return made


def main() -> None:
    header = (ROOT / "src/tokenizer/built_in_templates.h").read_text()
    templates = {f"built-in {name}": source
                 for name, source in re.findall(r'\{"([\w-]+)",\s*R"\((.*?)\)"\}', header, re.DOTALL)}
    assert len(templates) == 3
    templates |= TEMPLATES
    cases = []
    for name, source in templates.items():
        template = environment().from_string(source)
        for number, conversation in enumerate(CONVERSATIONS):
            for add_generation_prompt in (True, False):
                case = {"template": name, "conversation": number, "add_generation_prompt": add_generation_prompt}
                try:
                    case["prompt"] = template.render(
                        messages=[{"role": role, "content": content} for role, content in conversation],
                        add_generation_prompt=add_generation_prompt, bos_token="<s>", eos_token="</s>",
                        date_string="26 Jul 2024", tools=None, documents=None)
                except Refused as refused:
                    case["refused"] = str(refused)
                cases.append(case)
    OUT.mkdir(parents=True, exist_ok=True)
    golden = {"versions": {"jinja2": jinja2.__version__}, "templates": templates,
              "conversations": [[{"role": role, "content": content} for role, content in conversation]
                                for conversation in CONVERSATIONS], "cases": cases}
    (OUT / "goldens.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
