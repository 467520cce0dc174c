"""The named shapes that every contender is measured on, and the bytes of their weights.

`puna bench --shape NAME` knows the same names and sizes.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of a Llama; the names are those of Hugging Face's config.json."""

    name: str
    num_hidden_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    vocab_size: int = 32000
    max_position_embeddings: int = 4096
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = False

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @property
    def kv_size(self) -> int:
        return self.head_dim * self.num_key_value_heads

    def layer_parameters(self) -> int:
        """Weights of one layer's matrices: what prefill multiplies each token with."""
        attention = 2 * self.hidden_size * self.hidden_size + 2 * self.hidden_size * self.kv_size
        return attention + 3 * self.hidden_size * self.intermediate_size

    def with_layers(self, layers: int | None) -> "Shape":
        """The same shape with a shorter stack; None leaves it whole."""
        return dataclasses.replace(self, num_hidden_layers=layers) if layers else self

    def label(self) -> str:
        """The name, with the number of layers where that isn't the named shape's own."""
        own = SHAPES[self.name].num_hidden_layers
        return self.name if own == self.num_hidden_layers else f"{self.name}-{self.num_hidden_layers}l"


SHAPES = {shape.name: shape for shape in [
    Shape("llama-2-7b", 32, 4096, 11008, 32, 32),
    Shape("llama-2-13b", 40, 5120, 13824, 40, 40),
    Shape("tinyllama-1.1b", 22, 2048, 5632, 32, 4, max_position_embeddings=2048),
    Shape("smollm2-135m", 30, 576, 1536, 9, 3, vocab_size=49152, max_position_embeddings=8192,
          rope_theta=100000.0, tie_word_embeddings=True),
]}
