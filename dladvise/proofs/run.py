"""Runs one function of a proof, `python run.py NAME bad`, and says on the last line what came."""

import importlib
import json
import os
import sys


def main():
    sys.path[0] = os.path.dirname(os.path.abspath(__file__))  # workers that are spawned look there
    name, variant = sys.argv[1:]
    import torch

    torch.set_num_threads(1)
    told = {"torch": torch.__version__, "python": ".".join(map(str, sys.version_info[:3]))}
    proof = importlib.import_module(name)
    try:
        told["value"] = getattr(proof, variant)()
    except Exception as error:
        told["error"] = f"{type(error).__name__}: {error}"
    print("\n" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
