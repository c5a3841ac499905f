"""Write `compat_pickles/`: models of fastText pickled by the code of before the rooms.

Run as ``python tests/golden/make_compat_pickles.py tests/golden/compat_pickles`` with that older
code on `PYTHONPATH`: with any later one, the pickles would name the new places.
"""

import pickle
import sys
from pathlib import Path

import fasttext_lite.compat as fasttext


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    text = folder / "train.txt"
    lines = [f"__label__{'ab'[i % 2]} {('red fox', 'blue car')[i % 2]} w{i}\n" for i in range(300)]
    text.write_text("".join(lines))
    model = fasttext.train_supervised(
        str(text), thread=1, dim=2, epoch=5, lr=1.0, loss="hs", verbose=0
    )
    (folder / "dense.pkl").write_bytes(pickle.dumps(model))
    print(model.predict("red fox", 2))
    model.quantize()
    (folder / "quantized.pkl").write_bytes(pickle.dumps(model))
    text.unlink()


if __name__ == "__main__":
    main()
