"""SetFit on given rows, run by the peers' own python: `setfit_peer.py JOB.json`. Prints one line of JSON.

Nothing of this project is imported here. All settings are SetFit's defaults, but for a limit of steps.
"""

import json
import sys
import time
from pathlib import Path


def main(file: Path) -> None:
    """Train, ask, print."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from setfit import SetFitModel, Trainer, TrainingArguments
    from setfit.sampler import ContrastiveDataset
    from sklearn.linear_model import LogisticRegression

    job = json.loads(file.read_text(encoding="utf-8"))
    words = Transformer(job["model"])
    body = SentenceTransformer(modules=[words, Pooling(words.get_word_embedding_dimension())], device="cpu")
    model = SetFitModel(model_body=body, model_head=LogisticRegression())
    texts, labels = zip(*job["train"], strict=True)
    names = sorted(set(labels))
    targets = [names.index(label) for label in labels]
    rows = Dataset.from_dict({"text": list(texts), "label": targets})
    defaults = TrainingArguments()
    pairs = ContrastiveDataset(list(texts), targets, False, None, defaults.sampling_strategy)
    arguments = TrainingArguments(
        max_steps=job["n_steps"], report_to="none", save_strategy="no", show_progress_bar=False
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=rows)
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    asked, truth = zip(*job["test"], strict=True)
    said = model.predict(list(asked), show_progress_bar=False)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "n_steps": job["n_steps"],
                "n_default_steps": len(pairs) // defaults.batch_size[0] * defaults.num_epochs[0],
                "accuracy": sum(names[int(one)] == right for one, right in zip(said, truth, strict=True)) / len(truth),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
