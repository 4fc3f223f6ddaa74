"""DL306: files are decoded in the training process, while the GPU waits."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Hit, Severity, rule
from ..model import LoaderCall, Module
from ..values import Made

# What reads and decodes a file; each takes milliseconds for a photo, a scan or a recording.
DECODERS = frozenset(
    {"PIL.Image.open", "cv2.imread", "imageio.imread", "imageio.v2.imread", "imageio.v3.imread",
     "skimage.io.imread", "tifffile.imread", "torchvision.io.read_image",
     "torchvision.io.decode_image", "torchvision.io.read_video",
     "torchvision.datasets.folder.default_loader", "torchvision.datasets.folder.pil_loader",
     "matplotlib.image.imread", "matplotlib.pyplot.imread", "nibabel.load", "pydicom.dcmread",
     "SimpleITK.ReadImage", "rasterio.open", "decord.VideoReader", "cv2.VideoCapture",
     "soundfile.read", "librosa.load", "torchaudio.load", "scipy.io.wavfile.read",
     "scipy.io.loadmat", "numpy.load", "torch.load", "h5py.File"}
)  # fmt: skip
FOLDERS = frozenset(
    f"torchvision.datasets.{name}"
    for name in (
        "ImageFolder", "DatasetFolder", "ImageNet", "CocoDetection", "CocoCaptions",
        "VOCDetection", "VOCSegmentation", "Cityscapes", "CelebA", "Places365", "Food101",
        "Flowers102", "OxfordIIITPet", "StanfordCars", "Caltech101", "Caltech256", "SUN397",
        "INaturalist", "FGVCAircraft", "Kitti", "WIDERFace", "UCF101", "HMDB51", "Kinetics",
    )
)  # fmt: skip


@rule("DL306", Severity.INFO)
def serial_decoding(module: Module) -> Iterator[Hit]:
    """Reports loaders without workers whose dataset decodes files for a training on a GPU."""
    if "windows" in module.target.platforms or module.target.gpu is False:
        return  # workers start slowly there, and the gain is seldom clear
    for call in module.loaders:
        if not call.workers.surely_zero or not _feeds_training(module, call):
            continue
        decoder = _decoder(call)
        if decoder is not None:
            written = call.arguments.get("num_workers")
            yield Hit(
                call.callee,
                f"{decoder} in the training process, and the GPU waits for it: num_workers is 0",
                severity=Severity.HINT if written is not None else None,
            )


def _feeds_training(module: Module, call: LoaderCall) -> bool:
    """Reports whether a loop repeats over its batches, or trains, and copies them to a GPU."""
    return any(
        loop.kind in ("for", "comprehension")
        and not loop.breaks
        and (loop.trains or (loop.epochs is not None and loop.epochs.over_epochs))
        and any(copy.device in ("cuda", "maybe-cuda") for copy in loop.copies)
        for loop in module.loops_over(call)
    )


def _decoder(call: LoaderCall) -> str | None:
    """What decodes, in words; None where nothing is seen to, or a cache may spare it."""
    dataset = call.dataset_class
    if dataset is not None:
        if any("cache" in name.lower() for name in dataset.mentions):
            return None
        names = (name for name in dataset.worker_calls if name in DECODERS)
        name = next(names, None)
        return None if name is None else f"{name} reads every item"
    argument = call.arguments.get("dataset")
    what = argument.only.what if argument is not None and argument.only is not None else None
    if isinstance(what, Made) and what.name in FOLDERS and not what.part:
        return f"{what.name.rpartition('.')[2]} decodes every item"
    return None
