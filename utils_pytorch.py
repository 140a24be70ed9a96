"""The names of the challenge's starter kit; a training script written for the kit runs with them.

For example: `from utils_pytorch import export_model, get_loader`.
"""

from submission.starter_kit.data import DLIBDataset, get_dataset, get_dataset_name, get_loader
from submission.starter_kit.models import (
    ExperimentConfig,
    export_model,
    get_config,
    get_model_path,
    import_model,
    make_representor,
    use_cuda,
)

__all__ = [
    "DLIBDataset",
    "ExperimentConfig",
    "export_model",
    "get_config",
    "get_dataset",
    "get_dataset_name",
    "get_loader",
    "get_model_path",
    "import_model",
    "make_representor",
    "use_cuda",
]
