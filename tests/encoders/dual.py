"""A small random CLIP with its tokenizer, saved as transformers saves its own."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TOWER = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
LONGEST = 12


def save_clip(folder: Path, *, layers: int = 1) -> str:
    """Save a CLIP that reads letters, with a joint space of 4 numbers; return its encoder's name."""
    pieces = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(0)
    end = vocabulary["<|endoftext|>"]
    texts = {
        **TOWER,
        "num_hidden_layers": layers,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": LONGEST,
        "bos_token_id": end - 1,
        "eos_token_id": end,
        "pad_token_id": end,
    }
    pictures = {**TOWER, "image_size": 32, "patch_size": 8}
    CLIPModel(CLIPConfig(text_config=texts, vision_config=pictures, projection_dim=4)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}))
    return f"transformers:{folder}"
