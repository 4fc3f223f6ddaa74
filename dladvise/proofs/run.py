"""Runs both functions of a proof in turn: `python run.py NAME TURNS NEED...`.

What came of each is a line of JSON on standard output, where nothing else can write.
"""

import importlib
import importlib.util
import json
import os
import sys


def main():
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(**fields):
        told.write(json.dumps(fields) + "\n")
        told.flush()

    name, turns, *needs = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(__file__))  # workers that are spawned look there
    import torch

    torch.set_num_threads(1)
    python = ".".join(map(str, sys.version_info[:3]))
    tell(torch=torch.__version__, python=python)
    for need in needs:
        why = lacking(need)
        if why:
            tell(lacking=why)
            tell(ended=True)
            return
    if "gpu" in needs:
        tell(gpu=torch.cuda.get_device_name())
    proof = importlib.import_module(name)
    for turn in range(int(turns)):
        for variant in ("good", "bad") if turn % 2 else ("bad", "good"):
            try:
                tell(variant=variant, value=getattr(proof, variant)())
            except Exception as error:
                tell(variant=variant, error=type(error).__name__, message=message(error))
    tell(ended=True)


def lacking(need):
    """Why a proof cannot be run here; None where it can."""
    import torch

    if need == "gpu":
        return None if torch.cuda.is_available() else "torch finds no GPU of CUDA here"
    if need == "no gpu":
        return "torch finds a GPU here" if torch.cuda.is_available() else None
    if need == "two cores":
        return None if (os.cpu_count() or 1) > 1 else "this machine has a single core"
    return None if importlib.util.find_spec(need) else f"{need} is not installed there"


def message(error):
    """The line that says it; torch puts a worker's traceback before it."""
    lines = str(error).strip().splitlines() or [""]
    if not lines[0].startswith("Caught "):
        return lines[0]
    return lines[-1].removeprefix(type(error).__name__ + ": ")


if __name__ == "__main__":
    main()
