# Trains the shop's LoRA adapter on generated conversations and saves it in PEFT's layout.
#
# Dialogues share one copy of the system prompt per packed row: each sees the prompt and itself,
# nothing else, at the positions it would have alone, so nothing is padded and little is repeated.
# The loss counts the answers' tokens only, and only those go through the output layer. Of most
# dialogues only the beginning of the last answer is kept: there the model decides which answer to
# give, the rest is soon known by heart, and so more questions are seen in the same time.

import argparse
import math
import pathlib
import random as random_module
import time

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from base_model import END_OF_ANSWER, load_base, opening_text, question_text
from conversations import make_dialogues

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
IGNORED = -100
CUT_SHARE = 0.6
CUT_TOKENS = 10


def encode_dialogue(tokenizer, turns, random):
    """(token ids, labels) of one dialogue after the system prompt, its last answer cut short or not."""
    ids, labels = [], []
    cut = random.random() < CUT_SHARE
    for turn in turns:
        asked = tokenizer.encode(question_text(turn.question), add_special_tokens=False)
        said = tokenizer.encode(turn.answer + END_OF_ANSWER, add_special_tokens=False)
        if cut and turn is turns[-1]:
            said = said[: CUT_TOKENS + 1]
        ids += asked + said
        # The newline after the end mark is never generated (nor the token after a cut): no loss on it.
        labels += [IGNORED] * len(asked) + said[:-1] + [IGNORED]
    return ids, labels


class Rows:
    """Packed rows of `length` tokens: the system prompt, then whole dialogues."""

    def __init__(self, tokenizer, seed, length):
        self.tokenizer = tokenizer
        self.dialogues = make_dialogues(seed)
        self.random = random_module.Random(seed)
        self.length = length
        self.opening = tokenizer.encode(opening_text(), add_special_tokens=False)
        self.waiting = None

    def next_row(self):
        """(ids, labels, positions, group) of one row; group 0 is the shared system prompt."""
        count = len(self.opening)
        ids, labels = list(self.opening), [IGNORED] * count
        positions, group = list(range(count)), [0] * count
        number = 0
        while True:
            if self.waiting is None:
                self.waiting = encode_dialogue(self.tokenizer, next(self.dialogues), self.random)
            new_ids, new_labels = self.waiting
            if len(new_ids) > self.length - count:
                self.waiting = None  # too long for any row
                continue
            if len(ids) + len(new_ids) > self.length:
                break
            number += 1
            ids += new_ids
            labels += new_labels
            positions += range(count, count + len(new_ids))
            group += [number] * len(new_ids)
            self.waiting = None
        padding = self.length - len(ids)
        return (
            ids + [0] * padding,
            labels + [IGNORED] * padding,
            positions + [0] * padding,
            group + [-1] * padding,
        )

    def next_batch(self, row_count):
        """ids, labels, positions [rows, length] and the attention mask [rows, 1, length, length]."""
        rows = [self.next_row() for _ in range(row_count)]
        ids, labels, positions, group = (torch.tensor(column) for column in zip(*rows))
        causal = torch.ones(self.length, self.length, dtype=torch.bool).tril()
        same = (group[:, :, None] == group[:, None, :]) | (group[:, None, :] == 0)
        return ids, labels, positions, (same & causal)[:, None]


def loss_of(model, batch):
    ids, labels, positions, seen = batch
    mask = torch.zeros(seen.shape, dtype=torch.bfloat16)
    mask.masked_fill_(~seen, torch.finfo(torch.bfloat16).min)
    decoder = model.get_base_model()
    hidden = decoder.model(
        input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False
    ).last_hidden_state
    wanted = labels[:, 1:]
    hidden = hidden[:, :-1][wanted != IGNORED]
    logits = decoder.lm_head(hidden).float()
    return torch.nn.functional.cross_entropy(logits, wanted[wanted != IGNORED])


def add_adapter(model, rank, alpha, first_layer):
    layers = list(range(first_layer, model.config.num_hidden_layers))
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=TARGETS,
        layers_to_transform=layers,
        layers_pattern="layers",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def adapter_weights(model):
    """{PEFT's name in the file: parameter} of the trained tensors."""
    return {
        name.replace(".default.", "."): value
        for name, value in model.named_parameters()
        if value.requires_grad
    }


def continue_from(model, folder):
    """Starts from an adapter that was saved before, of the same rank and layers."""
    saved = load_file(folder / "adapter_model.safetensors")
    for name, value in adapter_weights(model).items():
        value.data.copy_(saved[name])


def save_adapter(model, folder):
    """PEFT's files: the configuration, and the weights as bf16."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.peft_config["default"]
    config.base_model_name_or_path = "HuggingFaceTB/SmolLM2-135M-Instruct"
    config.inference_mode = True
    config.target_modules = TARGETS
    config.save_pretrained(folder)
    weights = {
        name: value.detach().to(torch.bfloat16).contiguous()
        for name, value in adapter_weights(model).items()
    }
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def learning_rate(done, peak):
    """Warm-up over the first 3 percent, then a cosine to a 20th."""
    if done < 0.03:
        return peak * (done + 0.003) / 0.033
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))


def main():
    parser = argparse.ArgumentParser(description="Train the shop's adapter.")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/demo-adapter"))
    parser.add_argument("--start", type=pathlib.Path, help="an adapter to go on from")
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rank", type=int, default=48)
    parser.add_argument("--alpha", type=int, default=96)
    parser.add_argument("--first-layer", type=int, default=10)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--length", type=int, default=384)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model, tokenizer = load_base()
    model = add_adapter(model, options.rank, options.alpha, options.first_layer)
    if options.start:
        continue_from(model, options.start)
    model.print_trainable_parameters()
    rows = Rows(tokenizer, options.seed, options.length)
    trainable = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=options.rate, weight_decay=0.01)
    # Of the processor's time, so that a machine that does other things too gives the same adapter.
    start, step, smooth = time.process_time(), 0, None
    seconds = options.minutes * 60 * options.threads
    while (done := (time.process_time() - start) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(done, options.rate)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(model, rows.next_batch(options.rows))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        smooth = loss.item() if smooth is None else 0.9 * smooth + 0.1 * loss.item()
        if step % 10 == 0:
            speed = step * options.rows * options.length / (done * options.minutes * 60)
            print(f"step {step}  {done:.0%}  loss {smooth:.4f}  {speed:.0f} tokens/s", flush=True)
    save_adapter(model, options.out)
    print(f"saved {options.out} after {step} steps")


if __name__ == "__main__":
    main()
