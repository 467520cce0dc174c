"""The demo's adapter as committed: PEFT's layout, small, of the shapes of SmolLM2-135M, and with the
score that was wanted of it."""

import json
import pathlib
import re
import struct
import unittest

DEMO = pathlib.Path(__file__).resolve().parents[2] / "models" / "demo"
BYTES_MAX = 24 * 1024 * 1024
# Rows and columns of SmolLM2-135M's linear layers, from its published config.json.
SHAPES = {
    "self_attn.q_proj": (576, 576),
    "self_attn.k_proj": (192, 576),
    "self_attn.v_proj": (192, 576),
    "self_attn.o_proj": (576, 576),
    "mlp.gate_proj": (1536, 576),
    "mlp.up_proj": (1536, 576),
    "mlp.down_proj": (576, 1536),
}
LAYERS = 30
TENSOR = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])\.weight")


def read_header(path):
    """The tensors of a safetensors file, and where their bytes should end."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


class Adapter(unittest.TestCase):
    def setUp(self):
        self.config = json.loads((DEMO / "adapter" / "adapter_config.json").read_text("utf-8"))
        self.path = DEMO / "adapter" / "adapter_model.safetensors"

    def test_is_small_enough_for_a_repository(self):
        self.assertLessEqual(self.path.stat().st_size, BYTES_MAX)

    def test_has_pairs_of_the_shapes_of_the_base_in_16_bits(self):
        header, data_start = read_header(self.path)
        rank = self.config["r"]
        pairs = {}
        for name, tensor in header.items():
            match = TENSOR.fullmatch(name)
            self.assertIsNotNone(match, name)
            layer, module, side = match.groups()
            rows, columns = SHAPES[module]
            self.assertLess(int(layer), LAYERS)
            self.assertEqual(tensor["shape"], [rank, columns] if side == "A" else [rows, rank], name)
            self.assertIn(tensor["dtype"], ("BF16", "F16"))
            pairs.setdefault((layer, module), set()).add(side)
        self.assertGreater(len(pairs), 0)
        self.assertTrue(all(sides == {"A", "B"} for sides in pairs.values()))
        end = max(tensor["data_offsets"][1] for tensor in header.values())
        self.assertEqual(data_start + end, self.path.stat().st_size)

    def test_its_configuration_is_plain_lora_and_names_its_targets(self):
        self.assertEqual(self.config["peft_type"], "LORA")
        self.assertEqual(self.config["bias"], "none")
        self.assertFalse(self.config["use_dora"])
        self.assertEqual(
            sorted(self.config["target_modules"]), sorted(name.split(".")[1] for name in SHAPES)
        )


class Score(unittest.TestCase):
    def setUp(self):
        self.text = (DEMO / "score.txt").read_text("utf-8")
        self.data = json.loads((DEMO / "questions" / "held_out.json").read_text("utf-8"))

    def counts(self, line_start):
        match = re.search(rf"^{line_start}: (\d+) of (\d+) ", self.text, re.MULTILINE)
        self.assertIsNotNone(match, f"score.txt has no line '{line_start}: N of M'")
        return int(match[1]), int(match[2])

    def test_at_least_90_percent_of_60_or_more_held_out_questions_are_right(self):
        right, asked = self.counts("questions")
        self.assertEqual(asked, len(self.data["questions"]))
        self.assertGreaterEqual(asked, 60)
        self.assertGreaterEqual(right, 0.9 * asked)

    def test_at_least_90_percent_of_the_turns_of_12_dialogues_are_right(self):
        right, asked = self.counts("dialogue turns")
        self.assertEqual(asked, sum(map(len, self.data["dialogues"])))
        self.assertGreaterEqual(len(self.data["dialogues"]), 12)
        self.assertGreaterEqual(right, 0.9 * asked)

    def test_at_most_one_answer_in_20_out_of_scope_questions_is_invented(self):
        invented, asked = self.counts("out of scope")
        self.assertEqual(asked, len(self.data["out_of_scope"]))
        self.assertGreaterEqual(asked, 20)
        self.assertLessEqual(invented, 1)

    def test_every_held_out_question_and_its_answer_was_printed(self):
        items = self.data["questions"] + [turn for turns in self.data["dialogues"] for turn in turns]
        for asked in [item["ask"] for item in items] + self.data["out_of_scope"]:
            self.assertIn(f"> {asked}\n", self.text)


class Examples(unittest.TestCase):
    def test_there_are_four_example_questions(self):
        examples = json.loads((DEMO / "examples.json").read_text("utf-8"))
        self.assertEqual(len(examples), 4)
        self.assertTrue(all(isinstance(text, str) and text for text in examples))

    def test_chinese_visitors_are_greeted_in_chinese_and_told_what_the_model_speaks(self):
        texts = json.loads((DEMO / "page_texts.json").read_text("utf-8"))["zh-CN"]
        self.assertRegex(texts["title"], r"[\u4e00-\u9fff]")
        self.assertIn("英文", texts["greeting"])

    def test_the_system_prompt_is_short_and_names_the_shop(self):
        prompt = (DEMO / "system_prompt.txt").read_text("utf-8")
        self.assertIn("Quillfern", prompt)
        self.assertLess(len(prompt), 300)


if __name__ == "__main__":
    unittest.main()
