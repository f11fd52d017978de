"""`tiny`: a random Qwen2 of two million parameters with a tokenizer trained on the spot. For tests only.

Its answers are nonsense, and its description says so in every report. It is the same on every machine: fixed texts,
fixed seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pipesql.models.folder import ModelSource, cached_folder

FORM = 2
"""Raised when `_build` changes, so that a model in the cache that an earlier one made is not used."""
SEED = 0
VOCABULARY = 1024
SHAPE = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    # Larger than usual: at 0.02 the random embeddings, which no adapter trains, could not make one token likely.
    "initializer_range": 0.1,
}
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEXTS = """
Answer the question with a pipe SQL query. Question: Query so far: Hint: system user assistant
singer: Singer_ID int key, Name, Country, Age int, Is_male bool
concert: concert_ID int key, concert_Name, Theme, Stadium_ID int = stadium.Stadium_ID, Year date
customer: customer_id int key, first_name, last_name, email, city, birth_date date, balance real
orders: order_id int key, customer_id int = customer.customer_id, ordered date, total real, status
What are the names of all singers who are older than 20? Show the name and the country of each singer.
How many customers are there in each city? List the different cities in order. Which product costs the most?
Find the average, minimum and maximum price of the products that were sold in 2019 or later.
Give the number of orders for every customer with more than two orders, sorted from most to fewest.
FROM singer |> WHERE Age > 20 |> SELECT Name, Country |> ORDER BY Name DESC |> LIMIT 5
FROM customer |> JOIN orders ON customer.customer_id = orders.customer_id |> AGGREGATE COUNT(*) AS count GROUP BY city
|> EXTEND total * 2 AS doubled |> SELECT DISTINCT city |> DISTINCT |> WHERE name LIKE '%a%' AND NOT total IS NULL
|> LEFT JOIN concert AS c ON c.concert_ID = s.concert_ID |> AGGREGATE AVG(price) AS avg_price, SUM(total) AS sum_total
|> WHERE customer_id IN (FROM orders |> SELECT customer_id) |> UNION ALL (FROM stadium |> SELECT Name) |> AS t
|> EXCEPT DISTINCT (FROM a |> SELECT b) |> INTERSECT DISTINCT (FROM a |> SELECT b) |> WHERE a BETWEEN 1 AND 9 OR b = 'x'
CASE WHEN a >= 1 THEN 'yes' ELSE 'no' END CAST(a AS FLOAT64) MIN(a) MAX(b) COUNT(DISTINCT c) ROW_NUMBER() OVER ()
"""
"""The text that the tokenizer is trained on: prompts, questions and pipe SQL like those in tests."""


def tiny_source() -> ModelSource:
    """The tiny model in the cache; where it is missing, it is made in about a second."""
    key = hashlib.sha256(repr((FORM, SEED, VOCABULARY, SHAPE, SPECIALS, TEXTS)).encode()).hexdigest()[:8]
    folder, digest = cached_folder(f"tiny-{key}", "the model tiny", _build)
    return ModelSource("tiny", folder, digest, "tiny: random weights, for tests only")


def _build(folder: Path) -> dict[str, Any]:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from pipesql.models.load import quiet_unless_terminal

    quiet_unless_terminal()
    tokenizer = _tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,  # as in Qwen's own configuration: a padding row of the embedding is zero and stays so
        **SHAPE,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {"seed": SEED, "parameters": model.num_parameters()}


def _tokenizer() -> Any:
    """A byte-level BPE tokenizer with ChatML tokens, in which every digit is a token (as in Qwen's)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS.splitlines(keepends=True), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=SHAPE["max_position_embeddings"],
    )
