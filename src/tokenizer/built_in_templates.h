// The formats that --chat-template knows by name, as templates of our own.
#pragma once

#include <string_view>

namespace puna {

struct BuiltInTemplate {
  std::string_view name;
  std::string_view source;
};

inline constexpr BuiltInTemplate kBuiltInTemplates[] = {
    // Meta's Llama 2 chat: the system prompt is part of the first user turn.
    {"llama-2", R"({%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
{%- if not loop.first %}{{ raise_exception('messages: the system message must come first') }}{% endif -%}
{%- set ns.system = message['content'] -%}
{%- elif message['role'] == 'user' -%}
{{- bos_token + '[INST] ' -}}
{%- if ns.system -%}
{{- '<<SYS>>\n' + ns.system + '\n<</SYS>>\n\n' -}}
{%- set ns.system = '' -%}
{%- endif -%}
{{- message['content'] | trim + ' [/INST]' -}}
{%- else -%}
{{- ' ' + message['content'] | trim + ' ' + eos_token -}}
{%- endif -%}
{%- endfor -%})"},
    // ChatML, as SmolLM2 and many others use it.
    {"chatml", R"({%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\n' -}}
{%- endif -%})"},
    // Meta's Llama 3 chat.
    {"llama-3", R"({{- bos_token -}}
{%- for message in messages -%}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' -}}
{{- message['content'] | trim + '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
{%- endif -%})"},
};

}  // namespace puna
