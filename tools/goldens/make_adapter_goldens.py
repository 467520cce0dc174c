#!/usr/bin/env python3
"""Makes tests/golden/adapter: a small LoRA for tests/golden/llama/grouped_query_tied and what PEFT merges it to.

Needs: pip install torch==2.15.0 transformers==5.23.0 peft==0.19.0
"""

import json
import pathlib

import peft
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/adapter"
TARGETS = ["q_proj", "v_proj", "down_proj"]
ROWS = 3


def main() -> None:
    torch.manual_seed(20261124)
    base = transformers.AutoModelForCausalLM.from_pretrained(
        ROOT / "tests/golden/llama/grouped_query_tied", dtype=torch.float32)
    config = peft.LoraConfig(r=4, lora_alpha=12, target_modules=TARGETS, lora_dropout=0.0, bias="none",
                             task_type="CAUSAL_LM")
    model = peft.get_peft_model(base, config)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(std=0.1)
    model.save_pretrained(OUT)
    (OUT / "README.md").unlink(missing_ok=True)
    settings = json.loads((OUT / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "tests/golden/llama/grouped_query_tied"
    (OUT / "adapter_config.json").write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
    merged = model.merge_and_unload().state_dict()
    rows = {name: merged[name][:ROWS].reshape(-1).tolist() for name in sorted(merged)
            if name.startswith("model.layers.1.") and name.endswith("proj.weight")}
    golden = {"versions": {"peft": peft.__version__, "torch": torch.__version__.split("+")[0]}, "rows": rows}
    (OUT / "merged.json").write_text(json.dumps(golden) + "\n")
    print({name: len(values) for name, values in rows.items()})


if __name__ == "__main__":
    main()
